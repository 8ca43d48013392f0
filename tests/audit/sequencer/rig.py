"""A log with a witness on a socket, producers that sign, and a stream that is a list."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.audit.witness.serving import serving
from trading_runtime.audit.keys import WITNESS, Charter, init, key_path, producer_name, read_key
from trading_runtime.audit.sequencer.believed import believed
from trading_runtime.audit.sequencer.opening import Opened, Order, open_log
from trading_runtime.audit.settings import AuditSettings
from trading_runtime.audit.streams.source import Damage, Delivery, Place, StreamDown
from trading_runtime.audit.witness.witness import Witness
from trading_runtime.clock import Clock
from trading_runtime.evidence import canonical, entry, frames, layout, notes, submission
from trading_runtime.evidence.canonical import JsonObject
from trading_runtime.evidence.entry import Entry
from trading_runtime.evidence.notes import SigningKey
from trading_runtime.evidence.submission import Chain, Deed
from trading_runtime.evidence.trust import Roles
from trading_runtime.journal.diary import Diary
from trading_runtime.records.envelope import Stamp
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

ORIGIN = "desk.example/tape"
BEGAN_S = 1_790_000_000
BEGAN = Nanos(BEGAN_S * NANOS_PER_SECOND)
ROLES = Roles(producer="desk", log="desk", witness="auditor", archive="vault", watch="auditor")
PRODUCERS = ("runtime", "console")


class Hands:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.stamp = Stamp(BEGAN, BEGAN)

    def __call__(self) -> Stamp:
        return self.stamp

    def advance(self, seconds: float) -> None:
        step = int(seconds * NANOS_PER_SECOND)
        self.stamp = Stamp(Nanos(self.stamp.at + step), Nanos(self.stamp.wall + step))


class Teller:
    """A producer in one boot."""

    def __init__(self, key: SigningKey, producer_id: str = "runtime", boot: str = "b1") -> None:
        self.key = key
        self.chain = Chain(producer_id, boot)

    def started(self, before: "Teller | None" = None) -> list[Delivery]:
        """Give the first batch of a boot, as the format asks for it."""
        chain = None if before is None else before.chain
        found: JsonObject = {
            "previousBoot": None if chain is None else chain.boot,
            "previousChain": None if chain is None else chain.value.hex(),
            "previousSeq": None if chain is None else chain.seq,
        }
        entity = f"producer:{self.chain.producer_id}"
        return self.batch(self.deed(0, entity, event_type="ProducerStarted", request_data=found))

    def batch(self, *deeds: Deed) -> list[Delivery]:
        """Give the next signed batch."""
        found = [self.unsigned(deed) for deed in deeds]
        found[-1] = self.signed(found[-1])
        return found

    def many(self, count: int, entities: int = 7) -> list[Delivery]:
        first = self.chain.seq + 1
        return self.batch(
            *(
                self.deed(number, f"order:{number % entities}")
                for number in range(first, first + count)
            )
        )

    def deed(self, number: int, entity: str = "order:1", **changes: object) -> Deed:
        event_id = submission.event_id(f"{self.chain.producer_id}-{self.chain.boot}", number, 0)
        return deed(event_id, entity, number, **changes)

    def unsigned(self, told: Deed) -> Delivery:
        chain = self.chain
        seq = chain.seq + 1
        raw = submission.write(told, chain.producer_id, chain.boot, seq, None)
        chain.add(raw)
        return delivered(raw, chain.producer_id, chain.boot, seq)

    def signed(self, last: Delivery) -> Delivery:
        signature = notes.encode_base64(self.key.sign(self.chain.signed_text()))
        raw, _ = submission.open_envelope(last.envelope)
        return delivered(entry.signed(raw, signature), last.producer_id, last.boot, last.seq)


def deed(event_id: str, entity: str, number: int, **changes: object) -> Deed:
    members: dict[str, object] = {
        "event_id": event_id,
        "event_time_ns": BEGAN + number * 1000,
        "service_name": "runtime",
        "event_type": "OrderFilled",
        "trace_id": f"s/{number}/0",
        "user_id": None,
        "entity_id": entity,
        "client_ip": None,
        "operation": "fill",
        "before_state": {"status": "RESTING", "filled": number},
        "after_state": {"status": "DONE", "filled": number + 1},
        "request_data": None,
    }
    return Deed(**(members | changes))  # type: ignore[arg-type]


def delivered(
    raw: bytes, producer_id: str, boot: str, seq: int, blobs: Iterable[bytes] = ()
) -> Delivery:
    envelope = submission.envelope(raw, tuple(blobs))
    return Delivery(envelope, (boot, seq), producer_id, boot, seq)


class Pile:
    """A stream that a test fills; it gives each delivery once, and forgets what it was told of."""

    def __init__(self) -> None:
        self.waiting: list[Delivery] = []
        self.committed: list[object] = []
        self.receipts: dict[tuple[str, str], bytes] = {}
        self.broken: list[Damage] = []
        self.down = False
        self.place: Place = lambda _producer, _boot: 0

    def poll(self, limit: int) -> list[Delivery]:
        if self.down:
            raise StreamDown("it is down")
        given, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return given

    def damages(self) -> list[Damage]:
        found, self.broken = self.broken, []
        return found

    def commit(self, tokens: Iterable[object]) -> None:
        if self.down:
            raise StreamDown("it is down")
        self.committed += tokens

    def receipt(self, producer_id: str, boot: str, text: bytes) -> None:
        if self.down:
            raise StreamDown("it is down")
        self.receipts[producer_id, boot] = text

    def close(self) -> None: ...


class Desk:
    """A log in a folder of its own, opened as often as a test likes."""

    def __init__(self, data: Path, period_s: int = 3600) -> None:
        self.data = data
        self.audit = data / "audit"
        self.hands = Hands()
        self.pile = Pile()
        self.urls: Mapping[str, str] = {"own": "http://127.0.0.1:9"}
        self.settings = AuditSettings(digest_period_s=period_s)
        if not layout.trust_path(self.audit).exists():
            charter = Charter(origin=ORIGIN, roles=ROLES, producers=PRODUCERS, period_s=period_s)
            init(self.audit, charter, BEGAN)

    def teller(self, boot: str = "b1", producer_id: str = "runtime") -> Teller:
        key = read_key(key_path(self.audit, producer_name(producer_id)))
        return Teller(key, producer_id, boot)

    @contextmanager
    def open(self, *, rebuild_index: bool = False) -> Iterator[Opened]:
        diary = Diary(self.audit, f"diary-{self.hands.stamp.wall}", Clock())
        order = Order(self.audit, self.settings, self.urls, self._sources, rebuild_index, 2.0)
        self.hands.advance(0.001)
        try:
            opened = open_log(order, diary, self.hands)
            try:
                yield opened
            finally:
                opened.close()
        finally:
            diary.close()

    @contextmanager
    def witnessed(self) -> Iterator[Witness]:
        """Let the log's witness answer while inside."""
        trusted = believed(self.audit)[0].trust
        key = read_key(key_path(self.audit, WITNESS))
        witness = Witness(self.audit / "witness", {trusted.origin: trusted}, key, lambda _: None)
        with serving(witness) as url:
            self.urls = {"own": url}
            yield witness

    def _sources(self, place: Place) -> list[Pile]:
        self.pile.place = place
        return [self.pile]

    def entries(self) -> list[Entry]:
        log = layout.log_folder(self.audit)
        reader = frames.FrameReader(log, ORIGIN)
        return [entry.read(data) for data in reader.entries(0, reader.size)]

    def told(self, event_type: str) -> list[JsonObject]:
        """Give what the log said in entries of this type."""
        found = [it.request_data for it in self.entries() if it.event_type == event_type]
        return [canonical.decode(canonical.encode(data)) for data in found]
