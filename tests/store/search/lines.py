"""Log lines as scribe writes them, and files of them in every place where they can stand."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from trading_runtime.records import layout
from trading_runtime.records.units import Module, Nanos
from trading_runtime.store.hours import Hour
from trading_runtime.store.search import members
from trading_runtime.store.search.files import Troubles
from trading_runtime.store.search.line import Entry
from trading_runtime.store.search.query import Query
from trading_runtime.store.search.search import Search

HOUR = Hour("2025-11-19", 14)
NEXT = Hour("2025-11-19", 15)
MICRO = 1_000


def ts(at: int) -> str:
    """Write UTC nanoseconds as a line does."""
    moment = datetime.fromtimestamp(at // 10**9, tz=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % 10**9 // MICRO:06d}Z"


def line(
    seq: int, at: int, event: str = "OrderAccepted", module: str = "oms", **own: str | int
) -> bytes:
    """Write a line of session ``s1`` (or ``session=``), of level INFO (or ``level=``)."""
    own = dict(own)
    session, level = own.pop("session", "s1"), own.pop("level", "INFO")
    fields = {"ts": ts(at), "module": module, "level": level, "event": event}
    return msgspec.json.encode({**fields, **own, "session": session, "seq": seq})


def some(count: int, hour: Hour = HOUR, module: str = "oms", first: int = 1) -> list[bytes]:
    """Give lines a second apart, each of an order of its own."""
    return [
        line(seq, hour.start + seq * 10**9, module=module, symbol="BTCUSDC", orderId=f"o{seq}x")
        for seq in range(first, first + count)
    ]


def joined(lines: Iterable[bytes]) -> bytes:
    return b"".join(it + b"\n" for it in lines)


def live(data: Path, lines: Sequence[bytes], module: Module = Module.OMS) -> Path:
    path = Path(layout.live_log(data, module))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(joined(lines))
    return path


def sealed(
    data: Path,
    lines: Sequence[bytes],
    part: int = 1,
    hour: Hour = HOUR,
    module: Module = Module.OMS,
) -> Path:
    path = Path(layout.sealed_logs(data) / layout.sealed_log_name(module, hour.name, part))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(joined(lines))
    return path


def compressed(
    data: Path,
    lines: Sequence[bytes],
    part: int = 1,
    hour: Hour = HOUR,
    module: Module = Module.OMS,
) -> Path:
    """Compress a part; the plain file does not stay."""
    plain = sealed(data, lines, part, hour, module)
    gz = Path(layout.archived_log(data, module, hour.name, part))
    members.compress(plain, gz, hour.start)
    plain.unlink()
    return gz


def found(
    data: Path, query: Query | None = None, *, oldest: bool = True, limit: int = 0
) -> list[bytes]:
    """Search what is here; whatever could not be read is an error."""
    return [it.line for it in entries(data, query, oldest=oldest, limit=limit)]


def entries(
    data: Path, query: Query | None = None, *, oldest: bool = True, limit: int = 0
) -> list[Entry]:
    troubles = Troubles()
    search = Search(data, None, troubles, Nanos(NEXT.end))
    try:
        given = list(search.entries(query or Query(), oldest=oldest, limit=limit))
    finally:
        search.close()
    assert troubles == []
    return given
