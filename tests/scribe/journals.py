"""Journals for scribe to follow: real frames or made ones, and one of every event between them."""

import gzip
from collections.abc import Iterator
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import NamedTuple, get_args

import msgspec

from trading_runtime.journal.settings import JournalSettings
from trading_runtime.journal.writer import JournalWriter
from trading_runtime.records.carried import CoreCarried
from trading_runtime.records.commands import RequestSnapshot
from trading_runtime.records.envelope import Body, Kind, Stamp
from trading_runtime.records.event import Event
from trading_runtime.records.facts_market import BookDesynced, BookSynced, FrameQuarantined
from trading_runtime.records.facts_trading import QuotesDecided
from trading_runtime.records.inputs import (
    AnswerReceived,
    ConnectionOpened,
    FrameReceived,
    Input,
    InstrumentRevised,
    Mode,
    Purpose,
    SessionOpened,
    TurnEnded,
)
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.observations import Observation, ServiceStopped
from trading_runtime.records.units import Connection, Nanos, Revision, Seq

MARKET = Connection(1)
SECOND = 1_000_000_000
NOON = Nanos(1_723_118_400 * SECOND)
"""2024-08-08T12:00:00Z."""
SMALL = JournalSettings(emergency_bytes=4096)


def instrument(revision: int = 1, **fields: object) -> Instrument:
    known = {
        "revision": revision,
        "venue": "binance-usdm",
        "symbol": "BTCUSDT",
        "base_asset": "BTC",
        "quote_asset": "USDT",
        "tick_size": "0.10",
        "lot_size": "0.001",
        "multiplier": "1",
        "money_scale": 8,
    }
    return msgspec.convert(known | fields, Instrument)


class Told(NamedTuple):
    """A record as it was appended."""

    session: str
    kind: Kind
    seq: Seq
    at: Nanos
    body: Body


class Session:
    """Appends to one session's journal, and remembers what."""

    def __init__(self, data: Path, name: str, at: int = NOON) -> None:
        self.name = name
        self.at = at
        self.told: list[Told] = []
        self._writer = JournalWriter.open(data, name, SMALL)

    def tell(self, kind: Kind, body: Body) -> Seq:
        at = Nanos(self.at)
        seq = self._writer.append(kind, Stamp(at, at), body)
        self.told.append(Told(self.name, kind, seq, at, body))
        return seq

    def input(self, body: Input) -> Seq:
        return self.tell(Kind.INPUT, body)

    def open(self, instruments: tuple[Instrument, ...] = (instrument(),)) -> "Session":
        """Tell of the session, its instruments and its market connection."""
        self.input(opened(self.name, self.at))
        for it in instruments:
            self.input(InstrumentRevised(instrument=it))
        self.input(
            ConnectionOpened(
                connection=MARKET,
                venue=instruments[0].venue,
                purpose=Purpose.MARKET,
                channels=("btcusdt@depth@0ms",),
            )
        )
        return self

    def frame(self, payload: bytes) -> Seq:
        return self.input(FrameReceived(connection=MARKET, frame=payload))

    def every_event(self, number: int) -> None:
        """Tell of each event once, but for those that the ticks hang on."""
        for event in get_args(Body):
            if event not in MARKET_EVENTS:
                kind = Kind.INPUT if event in get_args(Input) else Kind.OUTPUT
                kind = Kind.OBSERVATION if event in get_args(Observation) else kind
                self.tell(kind, sample(event, number))

    def hand_over(self) -> None:
        self._writer.hand_over()

    def leave(self) -> None:
        """Let go of the journal without a word, as a process does that dies."""
        self._writer.close()

    def close(self) -> None:
        self.tell(
            Kind.OBSERVATION,
            ServiceStopped(service="runtime", reason="asked to", uptime_ns=Nanos(5 * SECOND)),
        )
        self._writer.close()


MARKET_EVENTS = {
    SessionOpened,
    InstrumentRevised,
    ConnectionOpened,
    FrameReceived,
    AnswerReceived,
    RequestSnapshot,
    BookSynced,
    BookDesynced,
    FrameQuarantined,
    *(event for event in get_args(Body) if event.__name__ in {"StateCarried", "ConnectionLost"}),
}


def opened(name: str, at: int) -> SessionOpened:
    return SessionOpened(
        session=name,
        mode=Mode.PAPER,
        version="0.1.0",
        git_revision="0" * 40,
        code_sha256="1" * 64,
        strategy="grid",
        strategy_sha256="2" * 64,
        settings=b'{"levels":3}',
        settings_sha256="3" * 64,
        libraries=(("msgspec", "0.22.0"),),
        wall_start=Nanos(at),
        mono_start=Nanos(12_345),
    )


def sample(event: type[Event], number: int) -> Body:
    """Make an ``event`` whose fields hang on ``number``."""
    fields = msgspec.structs.fields(event)
    made = event(**{field.name: value_of(field.type, number + i) for i, field in enumerate(fields)})
    if isinstance(made, Event) and "revision" in event.__struct_fields__:
        made = msgspec.structs.replace(made, revision=Revision(1))
    return made  # type: ignore[return-value]


def value_of(kind: object, number: int) -> object:
    while hasattr(kind, "__supertype__"):
        kind = kind.__supertype__
    values: dict[object, object] = {
        int: number * 7919 - 3,
        str: f'text {number} \u00e9 "quoted"\n',
        bytes: b'{"a": 1}' if number % 2 else b"\xff\x00",
        bool: bool(number % 2),
        tuple[str, ...]: ("a", "b\u20ac"),
        tuple[tuple[str, str], ...]: (("x", "y"),),
        Instrument: instrument(),
        CoreCarried: empty_core(),
    }
    if isinstance(kind, type) and issubclass(kind, Enum):
        return list(kind)[number % len(kind)]
    return values[kind]


def empty_core() -> CoreCarried:
    nothing = msgspec.Raw(b"\xc0")
    fields = {field.name: () for field in msgspec.structs.fields(CoreCarried)}
    values = fields | {"seq": Seq(3), "at": NOON, "risk": nothing, "paper": nothing}
    return CoreCarried(**values)  # type: ignore[arg-type]


def depth(first: int, last: int, previous: int, bids: str = "", asks: str = "") -> bytes:
    """Make a delta; levels as ``61800.2:1.5 61800.1:0``."""
    sides = [
        ",".join('["{}","{}"]'.format(*level.split(":")) for level in side.split())
        for side in (bids, asks)
    ]
    return (
        '{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","E":1723118400100,'
        f'"T":1723118400099,"s":"BTCUSDT","U":{first},"u":{last},"pu":{previous},'
        f'"b":[{sides[0]}],"a":[{sides[1]}]}}}}'
    ).encode()


def trade(number: int, price: str = "61800.20", size: str = "0.004") -> bytes:
    return (
        '{"stream":"btcusdt@trade","data":{"e":"trade","E":1723118400200,"T":1723118400199,'
        f'"s":"BTCUSDT","t":{number},"p":"{price}","q":"{size}","X":"MARKET","m":true}}}}'
    ).encode()


def ticker(update: int) -> bytes:
    return (
        '{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker",'
        f'"u":{update},"s":"BTCUSDT","b":"61800.20","B":"2.507","a":"61800.30","A":"2.510",'
        '"T":1723118400300,"E":1723118400301}}'
    ).encode()


def busy_session(data: Path, name: str, turns: int, step_ns: int, at: int = NOON) -> Session:
    """Tell ``turns`` turns of a delta, a trade, a ticker and a quote, ``step_ns`` apart."""
    session = Session(data, name, at).open()
    for number in range(1, turns + 1):
        session.at += step_ns
        session.frame(depth(number, number, number - 1, f"61800.{number % 10}:1.5", "61900:0"))
        session.frame(trade(number))
        session.frame(ticker(number))
        session.input(TurnEnded())
        session.tell(Kind.OUTPUT, sample(QuotesDecided, number))
        if number % 50 == 0:
            session.every_event(number)
    session.hand_over()
    return session


def captured(path: Path, limit: int) -> Iterator[tuple[int, bytes]]:
    """Give the first lines of a capture: the recorder's time, or the last one, and the message."""
    at = 0
    with gzip.open(path, "rb") as file:
        for line in islice(file, limit):
            stamp, _, payload = line.strip().partition(b" ")
            at = int(stamp) if stamp.isdigit() else at
            yield at, payload if stamp.isdigit() else line.strip()
