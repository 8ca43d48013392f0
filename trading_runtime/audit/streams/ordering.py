"""The order of each producer, restored where a stream spreads its submissions.

Rules:
 * A submission whose predecessor is not there yet is held; after a while that is an alarm.
 * What comes again while it is not committed is the same delivery, with one token more.
 * What comes again later, or with other content, is given again: the log says what it is.
 * When too much is held, the boot that holds most is dropped, and told. Nothing is lost by that:
   its producer sends everything again for which it gets no receipt.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from trading_runtime.audit.streams.source import Damage, Delivery, Place
from trading_runtime.errors import Misread
from trading_runtime.evidence.submission import open_envelope
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

HELD_MAX = 100_000
"""Of all boots. A producer has some thousand under way; more is held only where one was lost."""
GAP_WAIT_NS = Nanos(10 * NANOS_PER_SECOND)
BOOTS_MAX = 10_000
"""That are remembered; where one goes on is asked again."""


class _Named(msgspec.Struct):
    boot: str
    id: str
    seq: int


class _Submission(msgspec.Struct):
    producer: _Named


_SUBMISSION = msgspec.json.Decoder(_Submission)


class Origin(NamedTuple):
    """Whose submission it says that it is; its signature decides."""

    producer_id: str
    boot: str
    seq: int


UNKNOWN = Origin("", "", 0)
"""Of what does not read: it is given to the log, which says so."""


class Given(msgspec.Struct, eq=False):
    """A delivery under way; ``tokens`` is what the stream wants for it, one for each arrival."""

    origin: Origin
    envelope: bytes
    tokens: list[object]


class _Boot:
    """Where one boot stands."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.held: dict[int, Given] = {}
        self.given: dict[int, Given] = {}
        """Not committed yet."""
        self.held_since: Nanos | None = None
        self.told = False


class Ordering:
    """Owned by one source; does no I/O. ``now`` is of the monotonic clock."""

    def __init__(self, place: Place, held_max: int = HELD_MAX) -> None:
        self._place = place
        self._held_max = held_max
        self._boots: dict[tuple[str, str], _Boot] = {}
        self._held = 0
        self._damages: list[Damage] = []

    def take(self, envelope: bytes, token: object) -> list[Delivery]:
        """Take what arrived; give what may go to the log now."""
        origin = origin_of(envelope)
        given = Given(origin, envelope, [token])
        if origin is UNKNOWN:
            return [_delivery(given)]
        boot = self._boot(origin)
        under_way = boot.given.get(origin.seq) or boot.held.get(origin.seq)
        if under_way is not None and under_way.envelope == envelope:
            under_way.tokens.append(token)
            return []
        if under_way is not None or origin.seq < boot.expected:
            return [_delivery(given)]
        boot.held[origin.seq] = given
        self._held += 1
        return self._released(boot)

    def look(self, now: Nanos) -> list[object]:
        """Notice what waits too long, and what is too much; give the tokens that are dropped."""
        for key, boot in self._boots.items():
            if not boot.held:
                boot.held_since = None
                boot.told = False
            elif boot.held_since is None:
                boot.held_since = now
            elif now - boot.held_since >= GAP_WAIT_NS and not boot.told:
                self._tell(key, boot)
        return self._overflow() if self._held > self._held_max else []

    def damages(self) -> list[Damage]:
        damages, self._damages = self._damages, []
        return damages

    def committed(self, tokens: Iterable[object]) -> list[object]:
        """Forget deliveries that the log has; give the stream's own tokens for them."""
        own: list[object] = []
        for given in tokens:
            if isinstance(given, Given):
                boot = self._boots.get((given.origin.producer_id, given.origin.boot))
                if boot is not None and boot.given.get(given.origin.seq) is given:
                    del boot.given[given.origin.seq]
                own += given.tokens
        return own

    def tokens(self) -> list[object]:
        """Give the stream's own tokens of all that is held or not committed."""
        return [
            token
            for boot in self._boots.values()
            for given in (*boot.given.values(), *boot.held.values())
            for token in given.tokens
        ]

    def _boot(self, origin: Origin) -> _Boot:
        key = (origin.producer_id, origin.boot)
        boot = self._boots.get(key)
        if boot is None:
            if len(self._boots) >= BOOTS_MAX:
                self._boots = {k: b for k, b in self._boots.items() if b.held or b.given}
            boot = self._boots[key] = _Boot(self._place(*key) + 1)
        return boot

    def _released(self, boot: _Boot) -> list[Delivery]:
        released = []
        while (given := boot.held.pop(boot.expected, None)) is not None:
            boot.given[boot.expected] = given
            boot.expected += 1
            boot.held_since = None
            self._held -= 1
            released.append(_delivery(given))
        return released

    def _overflow(self) -> list[object]:
        key, boot = max(self._boots.items(), key=lambda item: len(item[1].held))
        self._tell(key, boot)
        tokens = [token for given in boot.held.values() for token in given.tokens]
        self._held -= len(boot.held)
        boot.held.clear()
        return tokens

    def _tell(self, key: tuple[str, str], boot: _Boot) -> None:
        boot.told = True
        detail = f"{boot.expected} did not come, {len(boot.held)} from {min(boot.held)} on wait"
        self._damages.append(Damage(*key, "missing", detail))


def origin_of(envelope: bytes) -> Origin:
    """Read whose submission it says that it is."""
    try:
        producer = _SUBMISSION.decode(open_envelope(envelope)[0]).producer
    except (Misread, msgspec.DecodeError, UnicodeDecodeError):
        return UNKNOWN
    return Origin(producer.id, producer.boot, producer.seq)


def _delivery(given: Given) -> Delivery:
    return Delivery(given.envelope, given, *given.origin)
