"""What is known of a log line, and what is kept of one that cannot be read.

A line that is no JSON object with time, module, level, event, session and seq is *unreadable*: cut
in the middle, no UTF-8, another's. It keeps its bytes and its place, and takes the time of the line
before it in its file, so that nothing that was ever written is left out of a search or an archive.
"""

from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

import msgspec

from trading_runtime.records.units import Nanos

UNREADABLE = "unreadable"
BASE64 = "base64:"
"""As in the lines themselves: bytes that are no UTF-8 are told so."""
SEQ_MAX = (1 << 63) - 1
TS_MIN = datetime(1970, 1, 1, tzinfo=UTC)
TS_MAX = datetime(2262, 1, 1, tzinfo=UTC)
"""Beyond it nanoseconds do not fit into 64 bits."""
ONLY = 0
"""A record of the journal gives one audit entry at the most: the index in its trace id."""
MICROS_PER_DAY = 86_400 * 10**6


class LogLine(msgspec.Struct, frozen=True, gc=False):
    """What every line has (LOG-2), and the fields that are searched by."""

    ts: Annotated[datetime, msgspec.Meta(tz=True)]
    module: str
    level: str
    event: str
    session: str
    seq: Annotated[int, msgspec.Meta(ge=0, le=SEQ_MAX)]
    symbol: str = ""
    instrument_id: str = ""
    order_id: str = msgspec.field(default="", name="orderId")
    venue_order: str = ""
    trace: str = msgspec.field(default="", name="traceId")

    @property
    def trace_id(self) -> str:
        """Give the line's own trace id, else that of its record's audit entry."""
        return self.trace or f"{self.session}/{self.seq}/{ONLY}"


class Entry(NamedTuple):
    """A line with what it says; ``at`` (UTC nanoseconds) orders it, ``read`` is null if it cannot.

    ``module`` is the stream that it stands in, which a damaged line may not say.
    """

    at: Nanos
    session: str
    seq: int
    module: str
    line: bytes
    read: LogLine | None


_decode = msgspec.json.Decoder(LogLine).decode


def read(line: bytes) -> LogLine | None:
    """Read a line without its end; null where it is unreadable."""
    try:
        found = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if TS_MIN <= found.ts < TS_MAX else None


def nanos(moment: datetime) -> Nanos:
    """Count nanoseconds since 1970, exactly."""
    past = moment - TS_MIN
    return Nanos((past.days * MICROS_PER_DAY + past.seconds * 10**6 + past.microseconds) * 1000)


def entry(line: bytes, module: str, before: Nanos) -> Entry:
    """Make the entry of a line; ``before`` is the time of the last readable one before it."""
    found = read(line)
    if found is None:
        return Entry(before, "", -1, module, line, None)
    return Entry(nanos(found.ts), found.session, found.seq, module, line, found)


def text_of(line: bytes) -> str:
    """Give a line as text, from which :func:`bytes_of` gives it back."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = BASE64
    return BASE64 + b64encode(line).decode() if text.startswith(BASE64) else text


def bytes_of(text: str) -> bytes:
    return b64decode(text[len(BASE64) :]) if text.startswith(BASE64) else text.encode()


def lines_of(content: bytes) -> list[bytes]:
    """Give the lines without their ends; what follows the last end is one too, as it was cut."""
    lines = content.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines
