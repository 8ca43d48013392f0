"""Recorded traffic of the two markets, line by line, as events of the venue.

Two forms of file are read, plain or gzip: ``<nanoseconds> <message>``, and transcripts with
``<seconds>: <message>`` and ``<url> -> <seconds>: <body>``. What is no book change, trade or whole
book is passed over, and so is what is damaged: a recorder that was killed leaves half a line. The
simulator reads captures with code of its own, as the runtime's reader is among what it judges.
"""

import gzip
import heapq
import re
import zlib
from collections.abc import Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import msgspec

from trading_runtime.errors import Refused
from trading_runtime.records.units import NANOS_PER_SECOND
from trading_runtime.simulator.exchange.words import MarketKind

GZIP_MAGIC = b"\x1f\x8b"
STAMPED = re.compile(rb"(\d{15,20}) (\{.*)", re.DOTALL)
TOLD = re.compile(rb"(\d{9,12})(?:\.(\d{1,18}))?: (\{.*)", re.DOTALL)
ANSWERED = re.compile(rb"(https?://\S*) -> (\d{9,12})(?:\.(\d{1,18}))?: (\{.*)", re.DOTALL)
ASKED_SYMBOL = re.compile(rb"[?&]symbol=(\w+)")
BOOK = b'{"lastUpdateId"'
FUTURES = (b"fapi.", b"fstream.", b'"pu":')
"""What only occurs in traffic of USDM futures."""
SPOT = (b"api.binance.com", b"stream.binance.com", b'"M":')
"""What only occurs in traffic of the spot market, in a line without the above."""
TELLING_LINES_MAX = 5000

Level = tuple[str, str]


class Diff(msgspec.Struct, frozen=True, tag_field="e", tag="depthUpdate", gc=False):
    symbol: str = msgspec.field(name="s")
    first_id: int = msgspec.field(name="U")
    last_id: int = msgspec.field(name="u")
    bids: tuple[Level, ...] = msgspec.field(name="b")
    asks: tuple[Level, ...] = msgspec.field(name="a")


class Trade(msgspec.Struct, frozen=True, tag_field="e", tag="trade", gc=False):
    symbol: str = msgspec.field(name="s")
    price: str = msgspec.field(name="p")
    quantity: str = msgspec.field(name="q")
    buyer_is_maker: bool = msgspec.field(name="m")


class Aggregate(msgspec.Struct, frozen=True, tag_field="e", tag="aggTrade", gc=False):
    symbol: str = msgspec.field(name="s")
    price: str = msgspec.field(name="p")
    quantity: str = msgspec.field(name="q")
    buyer_is_maker: bool = msgspec.field(name="m")


class Book(msgspec.Struct, frozen=True, gc=False):
    """``symbol`` is "" where the answer was written without the address that was asked."""

    last_id: int = msgspec.field(name="lastUpdateId")
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    symbol: str = ""


class Combined(msgspec.Struct, frozen=True, gc=False):
    data: Diff | Trade | Aggregate


class Line(NamedTuple):
    at_ns: int
    event: Diff | Trade | Aggregate | Book


COMBINED = msgspec.json.Decoder(Combined)
SINGLE: msgspec.json.Decoder[Diff | Trade | Aggregate] = msgspec.json.Decoder(
    Diff | Trade | Aggregate
)
WHOLE = msgspec.json.Decoder(Book)
WANTED = (b'"depthUpdate"', b'"trade"', b'"aggTrade"')


def market_of(path: Path) -> MarketKind | None:
    """Say which market a capture is of, or that nothing in it tells."""
    for number, raw in enumerate(raw_lines(path)):
        if any(mark in raw for mark in FUTURES):
            return MarketKind.USDM
        if any(mark in raw for mark in SPOT):
            return MarketKind.SPOT
        if number > TELLING_LINES_MAX:
            break
    return None


def markets_of(paths: Sequence[Path]) -> dict[MarketKind, list[Path]]:
    """Sort captures by market; raise :exc:`Refused` where one is no file, or of neither."""
    sorted_paths: dict[MarketKind, list[Path]] = {}
    for path in paths:
        if not path.is_file():
            raise Refused(f"no capture file {path}")
        market = market_of(path)
        if market is None:
            raise Refused(f"{path} is no capture of a market that is simulated")
        sorted_paths.setdefault(market, []).append(path)
    return sorted_paths


def merged(paths: Sequence[Path]) -> Iterator[Line]:
    """Give the lines of all files in order of time."""
    return heapq.merge(*map(lines, paths), key=attrgetter("at_ns"))


def lines(path: Path) -> Iterator[Line]:
    """Give the lines of one file; a book without a symbol has that of the changes around it."""
    symbol = ""
    for raw in raw_lines(path):
        line = read(raw)
        if line is None:
            continue
        event = line.event
        if not isinstance(event, Book):
            symbol = event.symbol
        elif not event.symbol:
            line = Line(line.at_ns, msgspec.structs.replace(event, symbol=symbol))
        yield line


def read(raw: bytes) -> Line | None:
    """Read one line, or say that it holds nothing that moves a market."""
    match = STAMPED.fullmatch(raw)
    if match:
        return line_of(int(match[1]), match[2], "")
    match = TOLD.fullmatch(raw)
    if match:
        return line_of(nanos(match[1], match[2]), match[3], "")
    match = ANSWERED.fullmatch(raw)
    if match:
        asked = ASKED_SYMBOL.search(match[1])
        return line_of(nanos(match[2], match[3]), match[4], asked[1].decode() if asked else "")
    return None


def line_of(at_ns: int, message: bytes, symbol: str) -> Line | None:
    try:
        if message.startswith(BOOK):
            book = WHOLE.decode(message)
            return Line(at_ns, msgspec.structs.replace(book, symbol=symbol))
        if not any(mark in message for mark in WANTED):
            return None
        if message.startswith(b'{"stream"'):
            return Line(at_ns, COMBINED.decode(message).data)
        return Line(at_ns, SINGLE.decode(message))
    except msgspec.DecodeError:
        return None


def nanos(seconds: bytes, fraction: bytes | None) -> int:
    """Give decimal seconds as nanoseconds; digits beyond the ninth are dropped."""
    return int(seconds) * NANOS_PER_SECOND + int((fraction or b"").ljust(9, b"0")[:9])


def raw_lines(path: Path) -> Iterator[bytes]:
    """Give the whole lines of a file; it may be cut short."""
    with path.open("rb") as file:
        packed = file.read(2) == GZIP_MAGIC
        file.seek(0)
        source = gzip.GzipFile(fileobj=file) if packed else file
        try:
            for raw in source:
                yield raw.rstrip(b"\r\n")
        except (EOFError, zlib.error, gzip.BadGzipFile):
            return
