"""What a session did, counted from its journal."""

from collections import Counter
from pathlib import Path

import msgspec

from trading_runtime.journal.reader import read_session
from trading_runtime.records.envelope import decode_body
from trading_runtime.records.exact import scaled_text
from trading_runtime.records.facts_market import BookDesynced, Desync
from trading_runtime.records.facts_trading import InventoryChanged, PnlMarked
from trading_runtime.records.inputs import InstrumentRevised
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

GAPS = (Desync.GAP, Desync.TOO_MANY_HELD, Desync.QUARANTINED, Desync.SILENT)


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one session; ``position`` and ``equity`` are decimal text, as last written down."""

    session: str
    seconds: int
    records: int
    frames: int
    quotes: int
    orders: int
    fills: int
    cancels: int
    gaps: int
    quarantined: int
    trades_missed: int
    panic_stops: int
    position: str
    equity: str

    @property
    def sound(self) -> bool:
        """Whether it quoted and was filled, and nothing it saw was lost."""
        lost = self.gaps + self.trades_missed + self.quarantined
        return self.quotes > 0 and self.fills > 0 and lost == 0


def summarise(folder: Path) -> Summary:
    """Read a session's journal to its end; raise JournalDamaged where it cannot be read."""
    counts: Counter[str] = Counter()
    first = last = Nanos(0)
    gaps = 0
    position = equity = ""
    instrument: Instrument | None = None
    for record in read_session(folder):
        first, last = first or record.stamp.at, record.stamp.at
        body = decode_body(record.body)
        counts[body.name()] += 1
        match body:
            case InstrumentRevised():
                instrument = body.instrument
            case BookDesynced():
                gaps += body.reason in GAPS
            case InventoryChanged() if instrument is not None:
                position = Scales(instrument).lot.text(body.position)
            case PnlMarked() if instrument is not None:
                equity = scaled_text(body.equity, instrument.money_scale)
            case _:
                pass
    return Summary(
        session=folder.name,
        seconds=(last - first) // NANOS_PER_SECOND,
        records=counts.total(),
        frames=counts["FrameReceived"] - counts["PaperFrame"],
        quotes=counts["QuotesDecided"],
        orders=counts["PlaceOrder"],
        fills=counts["OrderFilled"],
        cancels=counts["CancelOrder"],
        gaps=gaps,
        quarantined=counts["FrameQuarantined"],
        trades_missed=counts["TradesMissed"],
        panic_stops=counts["PanicStopTriggered"],
        position=position,
        equity=equity,
    )
