"""Many entries or submissions at once: read as strictly as one by one, at a fifth of the price.

They are parsed and written again by hundreds, as lines; canonical JSON holds no newline, so the
same bytes mean the same values. The types refuse floats, large integers and unknown members; what
is nested deeply or holds keys beyond U+FFFF takes the slow way, as does every chunk in which
anything is wrong, so that the rule which it breaks has one author: :mod:`entry`.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Generic, Protocol, TypeVar, final

import msgspec

from trading_runtime.errors import Misread
from trading_runtime.evidence import entry
from trading_runtime.evidence.canonical import INTEGER_MAX
from trading_runtime.evidence.entry import Submission

CHUNK = 512
"""Lines read together: enough to hide the price of a call, few enough to stay in the cache."""
LEVELS = 4
"""Of nesting inside a state that the fast way knows; types double with each."""

Positive = Annotated[int, msgspec.Meta(ge=1, le=INTEGER_MAX)]

if TYPE_CHECKING:
    State = dict[str, object] | None
else:
    _Value = None | bool | str | Annotated[int, msgspec.Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
    _Nested = _Value
    for _ in range(LEVELS):
        _Nested = _Value | list[_Nested] | dict[str, _Nested]
    State = dict[str, _Nested] | None


class _Named(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def boot(self) -> str: ...


class _Line(Protocol):
    """What an entry and a submission have in common, of that which has a form."""

    @property
    def entity_id(self) -> str: ...
    @property
    def event_time(self) -> str: ...
    @property
    def producer(self) -> _Named: ...


_Kind = TypeVar("_Kind", bound=_Line)
_ENCODER = msgspec.json.Encoder(order="sorted")
_BEYOND_FFFF = re.compile(rb"[\xf0-\xf4]")
_FORMS = {
    "event_id": (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", 36),
    "previous_hash": (r"[0-9a-f]{64}", 64),
    "event_time": (r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z", 27),
}
"""Of members with a fixed form: how it is written, and how long it is."""
_OF_PRODUCER = attrgetter("producer.id", "producer.boot")
_OF_ENTITY = attrgetter("entity_id")
_SECOND = slice(0, 19)
"""Of an event time, without its fraction."""


@final
class Lines(Generic[_Kind]):
    """Reads ``kind``, whose types are strict, with states of type :data:`State`."""

    def __init__(self, kind: type[_Kind], fixed: tuple[str, ...]) -> None:
        """``fixed`` are its members that have a fixed form, two or more."""
        self._decoder = msgspec.json.Decoder(kind)
        self._of_fixed = attrgetter(*fixed)
        forms = [_FORMS[name] for name in fixed]
        written = " ".join(form for form, _ in forms)
        self._fixed = re.compile(f"(?:{written}(?: |$))*", re.ASCII)
        self._fixed_chars = sum(chars + 1 for _, chars in forms)

    def read(self, chunk: Sequence[bytes]) -> list[_Kind] | None:
        """Read a chunk where nothing is wrong and nothing rare; None asks for the slow way."""
        lines = b"\n".join(chunk) + b"\n"
        if lines.count(b"\n") != len(chunk) or max(map(len, chunk)) > entry.ENTRY_BYTES_MAX:
            return None
        if not lines.isascii() and _BEYOND_FFFF.search(lines):
            return None
        try:
            read: list[_Kind] = self._decoder.decode_lines(lines)
            same = _ENCODER.encode_lines(read) == lines
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None
        return read if same and self._in_form(read) else None

    def _in_form(self, read: Sequence[_Kind]) -> bool:
        fixed = " ".join(chain.from_iterable(map(self._of_fixed, read)))
        # The length excludes that one member holds what belongs into the next.
        if len(fixed) != self._fixed_chars * len(read) - 1 or not self._fixed.fullmatch(fixed):
            return False
        try:
            for second in {it.event_time[_SECOND] for it in read}:
                datetime.fromisoformat(second)
            for entity_id in set(map(_OF_ENTITY, read)):
                entry.check_entity_id(entity_id)
            for producer_id, boot in set(map(_OF_PRODUCER, read)):
                entry.check_name(producer_id, "id")
                entry.check_name(boot, "boot")
        except (ValueError, Misread):
            return False
        return True


class _Producer(entry.Producer, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    seq: Positive


class _Submission(
    Submission, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, gc=False
):
    after_state: State
    before_state: State
    producer: _Producer
    request_data: State


_SUBMISSIONS = Lines(_Submission, ("event_id", "event_time"))


def read_submissions(chunk: Sequence[bytes]) -> Sequence[Submission] | None:
    """Read some submissions as :func:`entry.read_submission` does, or none of them.

    None where one of them, at least, has to be read by that: it may be wrong, or unusual.
    """
    return _SUBMISSIONS.read(chunk) if chunk else ()
