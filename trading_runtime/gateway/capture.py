"""Recorded exchange traffic, line by line, as it was written down; nothing in it is understood.

Two forms are read, plain or gzip, and told apart line by line:

 * capture: ``<nanoseconds> <message>``; a line that is a book from REST stands among them;
 * transcript: ``<seconds>: <message>``, with ``<url> -> <seconds>: <body>`` for each answer over
   HTTP, ``<url> <- <seconds>: <message>`` for what was sent, ``<url> <-> <seconds>`` for a
   connection and ``configuration: <text>`` at the end.

Several files are merged by time, so that parts chain and a session's files of each socket and of
HTTP become one. Damage is counted and passed over: a recorder that was killed leaves a cut gzip
stream and half a line. Bytes of a message are never judged here, however odd: that is the codec's.
"""

import heapq
import math
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple, final

from trading_runtime.errors import Refused
from trading_runtime.records.exact import scaled_text

GZIP_MAGIC = b"\x1f\x8b"
CHUNK_BYTES = 1 << 18
LINE_BYTES_MAX = 64 << 20
"""The longest line known is a list of instruments of 4 MB; beyond this a file is no capture."""

NANOS_DIGITS = 9
SNAPSHOT_HEAD = b'{"lastUpdateId"'
SECONDS = rb"(\d{1,12})(?:\.(\d{1,18}))?"
TRANSCRIPT_FRAME = re.compile(SECONDS + rb": (.*)", re.DOTALL)
TRANSCRIPT_SOCKET = re.compile(rb"(\w+://\S*) (<-|->|<->) " + SECONDS + rb"(?:: (.*))?", re.DOTALL)
CONFIGURATION = b"configuration: "
ASKED_SYMBOL = re.compile(rb"[?&]symbol=(\w+)")

LEVEL_OR_TOUCH = re.compile(
    rb'(?:\[|"[pba]":)"(\d{1,20}(?:\.\d{1,18})?)",(?:"[qBA]":)?"(\d{1,20}(?:\.\d{1,18})?)"'
)
"""A book level ``["price","size"]``, or a trade's or ticker's price with the size after it."""


class LineKind(Enum):
    """What a line holds."""

    FRAME = "frame"
    """A message of a socket."""
    SNAPSHOT = "snapshot"
    """The body of a REST answer with a whole book."""
    EXCHANGE_INFO = "exchange_info"
    """The body of a REST answer with instruments and their filters."""
    OTHER = "other"
    """What was sent, a connection, a configuration, any other answer."""


@final
class CaptureLine(NamedTuple):
    """One recorded message; ``at_ns`` is the recorder's clock, UTC.

    ``symbol`` is what the address of an answer asked for; empty where no address was written.
    """

    at_ns: int
    kind: LineKind
    payload: bytes
    symbol: str


class Capture:
    """The lines of some files in order of time; iterate once, then read what was damaged."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Take ``paths``; raise :exc:`Refused` where one is no file."""
        for path in paths:
            if not path.is_file():
                raise Refused(f"no capture file {path}")
        self._paths = paths
        self.unreadable = 0
        """Lines without a time or a message."""
        self.cut: list[str] = []
        """Names of files that end in the middle of a line or of a gzip stream."""

    def __iter__(self) -> Iterator[CaptureLine]:
        if len(self._paths) == 1:
            return self._lines(self._paths[0])
        return heapq.merge(*map(self._lines, self._paths), key=attrgetter("at_ns"))

    def warning(self) -> str:
        """Say in one line what was damaged; empty when nothing was."""
        parts = [f"{self.unreadable} unreadable lines passed over"] * bool(self.unreadable)
        parts += [f"{name} is cut short" for name in self.cut]
        return "; ".join(parts)

    def _lines(self, path: Path) -> Iterator[CaptureLine]:
        frame, snapshot = LineKind.FRAME, LineKind.SNAPSHOT
        last_ns = 0
        for raw in self._raw_lines(path):
            stamp, _, payload = raw.partition(b" ")
            if stamp.isdigit() and payload:
                last_ns = int(stamp)
                kind = snapshot if payload.startswith(SNAPSHOT_HEAD) else frame
                yield CaptureLine(last_ns, kind, payload, "")
                continue
            line = transcript_line(raw, last_ns)
            if line is not None:
                last_ns = line.at_ns
                yield line
            elif raw:
                self.unreadable += 1

    def _raw_lines(self, path: Path) -> Iterator[bytes]:
        rest = b""
        for chunk in self._chunks(path):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
            if len(rest) > LINE_BYTES_MAX:
                break
        if rest.endswith((b"}", b"]")):
            yield rest
        elif rest:
            self._cut(path)

    def _chunks(self, path: Path) -> Iterator[bytes]:
        with path.open("rb") as file:
            chunk = file.read(CHUNK_BYTES)
            if not chunk.startswith(GZIP_MAGIC):
                while chunk:
                    yield chunk
                    chunk = file.read(CHUNK_BYTES)
                return
            member = zlib.decompressobj(zlib.MAX_WBITS | 16)
            while chunk:
                try:
                    yield member.decompress(chunk)
                except zlib.error:
                    break
                chunk = member.unused_data or file.read(CHUNK_BYTES)
                if member.eof and chunk:
                    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
            if not member.eof:
                self._cut(path)

    def _cut(self, path: Path) -> None:
        if path.name not in self.cut:
            self.cut.append(path.name)


def transcript_line(raw: bytes, last_ns: int) -> CaptureLine | None:
    """Read a line of a transcript, or say that it is none; one without a time has ``last_ns``."""
    match = TRANSCRIPT_FRAME.fullmatch(raw)
    if match:
        return CaptureLine(nanos(match[1], match[2]), LineKind.FRAME, match[3], "")
    match = TRANSCRIPT_SOCKET.fullmatch(raw)
    if match:
        url, direction, seconds, fraction, body = match.groups()
        kind = answer_kind(url, body) if direction == b"->" else LineKind.OTHER
        symbol = ASKED_SYMBOL.search(url)
        asked = symbol[1].decode() if symbol else ""
        return CaptureLine(nanos(seconds, fraction), kind, body or b"", asked)
    if raw.startswith(CONFIGURATION):
        return CaptureLine(last_ns, LineKind.OTHER, raw.removeprefix(CONFIGURATION), "")
    return None


def answer_kind(url: bytes, body: bytes) -> LineKind:
    if body.startswith(SNAPSHOT_HEAD):
        return LineKind.SNAPSHOT
    if url.partition(b"?")[0].endswith(b"/exchangeInfo"):
        return LineKind.EXCHANGE_INFO
    return LineKind.OTHER


def nanos(seconds: bytes, fraction: bytes | None) -> int:
    """Decimal seconds as nanoseconds, exactly; digits beyond the ninth are dropped."""
    return int(seconds + (fraction or b"").ljust(NANOS_DIGITS, b"0")[:NANOS_DIGITS])


def finest_grid(lines: Iterable[CaptureLine], symbol: str) -> tuple[str, str]:
    """Give the coarsest tick and lot, as decimal text, on which all of ``symbol`` lies.

    Each is the greatest divisor that all its prices (sizes) have in common: a grid for a recording
    without instrument filters. Raises :exc:`Refused` where no frame names ``symbol``.
    """
    named = f'"s":"{symbol.upper()}"'.encode()
    prices: dict[bytes, None] = {}
    sizes: dict[bytes, None] = {}
    heard = False
    for line in lines:
        if line.kind is LineKind.SNAPSHOT:
            if line.symbol not in {"", symbol.upper()}:
                continue
        elif line.kind is LineKind.FRAME and named in line.payload:
            heard = True
        else:
            continue
        for price, size in LEVEL_OR_TOUCH.findall(line.payload):
            prices[price] = sizes[size] = None
    tick, lot = divisor(prices), divisor(sizes)
    if not heard or not tick or not lot:
        raise Refused(f"no frame of {symbol} to find its tick and lot from")
    return tick, lot


def divisor(numbers: Iterable[bytes]) -> str:
    """Give the greatest common divisor of decimal numbers, exactly; empty text when all are 0."""
    units, scale = 0, 0
    for number in numbers:
        whole, _, fraction = number.partition(b".")
        fraction = fraction.rstrip(b"0")
        if len(fraction) > scale:
            units *= 10 ** (len(fraction) - scale)
            scale = len(fraction)
        units = math.gcd(units, int(whole + fraction.ljust(scale, b"0")))
    return scaled_text(units, scale) if units else ""
