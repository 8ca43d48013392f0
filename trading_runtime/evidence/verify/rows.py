"""Many entries at once: read as strictly as one by one, at a fifth of the price.

Entries are parsed and written again by hundreds, as lines; canonical JSON holds no newline, so the
same bytes mean the same entries. The types refuse floats, large integers and unknown members; what
is nested deeply or holds keys beyond U+FFFF takes the slow way, as does every chunk in which
anything is wrong, so that the rule which it breaks has one author: :func:`entry.read`.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated

import msgspec

from trading_runtime.errors import Misread
from trading_runtime.evidence import entry
from trading_runtime.evidence.canonical import INTEGER_MAX
from trading_runtime.evidence.verify.checks import Check
from trading_runtime.evidence.verify.findings import Finding

CHUNK = 512
"""Entries read together: enough to hide the price of a call, few enough to stay in the cache."""
LEVELS = 4
"""Of nesting inside a state that the fast way knows; types double with each."""


class RowProducer(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    boot: str
    id: str
    seq: Annotated[int, msgspec.Meta(ge=1, le=INTEGER_MAX)]
    signature: str | None


class Row(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """An entry as its checks need it; the members in the order of their names."""

    after_state: dict[str, object] | None
    before_state: dict[str, object] | None
    client_ip: str | None
    entity_id: str
    event_id: str
    event_time: str
    event_type: str
    operation: str
    previous_hash: str
    producer: RowProducer
    request_data: dict[str, object] | None
    service_name: str
    trace_id: str | None
    user_id: str | None
    version: Annotated[int, msgspec.Meta(ge=1, le=INTEGER_MAX)]


if TYPE_CHECKING:
    _Strict = Row
else:
    _Value = None | bool | str | Annotated[int, msgspec.Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
    _Nested = _Value
    for _ in range(LEVELS):
        _Nested = _Value | list[_Nested] | dict[str, _Nested]

    class _Strict(Row):
        after_state: dict[str, _Nested] | None
        before_state: dict[str, _Nested] | None
        request_data: dict[str, _Nested] | None


_STRICT = msgspec.json.Decoder(_Strict)
_LOOSE = msgspec.json.Decoder(Row)
_ENCODER = msgspec.json.Encoder(order="sorted")
_BEYOND_FFFF = re.compile(rb"[\xf0-\xf4]")
_FIXED = re.compile(
    r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12} [0-9a-f]{64} "
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z(?: |$))*",
    re.ASCII,
)
FIXED_CHARS = 36 + 64 + 27 + 3
"""Of an event id, a hash and a time, each with a space behind it."""
_OF_FIXED = attrgetter("event_id", "previous_hash", "event_time")
_OF_PRODUCER = attrgetter("producer.id", "producer.boot")
_OF_ENTITY = attrgetter("entity_id")
_SECOND = slice(0, 19)
"""Of an event time, without its fraction."""


def read_rows(raws: Sequence[bytes], first: int) -> tuple[list[Row | None], list[Finding]]:
    """Read entries that begin with index ``first``; None stands for what is not JSON of one."""
    rows: list[Row | None] = []
    findings: list[Finding] = []
    for begin in range(0, len(raws), CHUNK):
        chunk = raws[begin : begin + CHUNK]
        fast = _read_fast(chunk)
        if fast is not None:
            rows += fast
            continue
        for place, raw in enumerate(chunk, first + begin):
            row, finding = _read_slowly(raw, place)
            rows.append(row)
            if finding is not None:
                findings.append(finding)
    return rows, findings


def _read_fast(chunk: Sequence[bytes]) -> list[Row] | None:
    """Read a chunk where nothing is wrong and nothing rare; None asks for the slow way."""
    lines = b"\n".join(chunk) + b"\n"
    if lines.count(b"\n") != len(chunk) or max(map(len, chunk)) > entry.ENTRY_BYTES_MAX:
        return None
    if not lines.isascii() and _BEYOND_FFFF.search(lines):
        return None
    try:
        rows: list[Row] = _STRICT.decode_lines(lines)
        same = _ENCODER.encode_lines(rows) == lines
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return rows if same and _in_form(rows) else None


def _in_form(rows: Sequence[Row]) -> bool:
    fixed = " ".join(chain.from_iterable(map(_OF_FIXED, rows)))
    # The length excludes that one member holds what belongs into the next.
    if len(fixed) != FIXED_CHARS * len(rows) - 1 or not _FIXED.fullmatch(fixed):
        return False
    try:
        for second in {it.event_time[_SECOND] for it in rows}:
            datetime.fromisoformat(second)
        for entity_id in set(map(_OF_ENTITY, rows)):
            entry.check_entity_id(entity_id)
        for producer_id, boot in set(map(_OF_PRODUCER, rows)):
            entry.check_name(producer_id, "id")
            entry.check_name(boot, "boot")
    except (ValueError, Misread):
        return False
    return True


def _read_slowly(raw: bytes, index: int) -> tuple[Row | None, Finding | None]:
    finding = None
    try:
        entry.read(raw)
    except Misread as misread:
        check = Check.ENTITY_ID if misread.reason == "entity_id" else Check.ENTRY_FORM
        finding = Finding(check=check, said=str(misread), index=index)
    try:
        row = _LOOSE.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None, finding
    if finding is not None:
        finding = msgspec.structs.replace(finding, entity=row.entity_id, version=row.version)
    return row, finding
