"""What an hour of trades promises."""

import numpy as np
import pyarrow as pa

from data_platform.checks import identity, neighbours
from data_platform.checks.findings import (
    PPM,
    Bools,
    Finding,
    Inspected,
    Int64s,
    Rule,
    Subject,
    after_first,
)
from data_platform.checks.identity import MILLISECOND_NS
from trading_runtime.records.lake_schema import Flag
from trading_runtime.store.parquet import integers

ID = Rule("trade_id_positive", "a trade has an id above zero")
RISING = Rule("trade_id_rising", "trade ids rise, so none comes twice")
WHOLE = Rule("trade_ids_whole", "no trade id is left out", blocking=False)
PRICE = Rule("px_positive", "a trade has a price above zero")
SIZE = Rule("qty_positive", "a trade has a size above zero")
GRID = Rule("trade_on_grid", "a trade's price and size are such as an order may have")
PLAUSIBLE = Rule("px_plausible", "no price is many times the hour's median, or a small part of it")
JUMP = Rule(
    "trade_jump", "the price does not jump from one trade to the next", False, "jump_ppm_max"
)
OUTSIZED = Rule(
    "qty_ordinary", "no trade is out of all proportion to the median", False, "size_factor_max"
)
IN_TIME = Rule(
    "ts_exch_not_falling",
    "the venue's time does not fall from one trade to the next",
    blocking=False,
)
SILENCE = Rule("trade_silence", "no trade is long in coming", False, "trade_silence_ms_max")
HOURS = Rule("trade_ids_of_hour", "no trade id is in the hour before or after too")


def off_grid(rows: pa.Table, subject: Subject) -> Bools:
    """Mark the trades at prices or sizes that their revision takes no order at."""
    price, size = integers(rows, "px"), integers(rows, "qty")
    revisions = integers(rows, "instrument_rev")
    wrong = np.zeros(rows.num_rows, dtype=np.bool_)
    for it in subject.grids:
        if it.price_step > 1 or it.size_step > 1:
            own = revisions == it.revision
            wrong |= own & ((price % it.price_step != 0) | (size % it.size_step != 0))
    return wrong


def implausible(price: Int64s, on_market: Bools, factor: int) -> Bools:
    """Mark what is so many times the median, or so small a part of it."""
    if not on_market.any():
        return np.zeros(len(price), dtype=np.bool_)
    usual = int(np.median(price[on_market]))
    found: Bools = on_market & ((price > usual * factor) | (price * factor < usual))
    return found


def steps(price: Int64s) -> Int64s:
    """Give the distance of each price from the one before, in millionths; 0 for the first."""
    before = np.maximum(np.abs(price[:-1]), 1)
    moved: Int64s = np.abs(np.diff(price)) * PPM // before
    return np.concatenate([np.zeros(min(1, len(price)), dtype=np.int64), moved])


def inspect(rows: pa.Table, subject: Subject) -> Inspected:
    """Check one symbol's hour of trades; the rows of each finding are numbers in the file."""
    limits = subject.limits
    ids, price, size = (integers(rows, it) for it in ("trade_id", "px", "qty"))
    received, exchange = integers(rows, "ts_recv"), integers(rows, "ts_exch")
    on_market = (integers(rows, "flags") & Flag.OFF_MARKET) == 0
    jumps = np.diff(ids)
    numbers, ordinary = np.arange(rows.num_rows), np.flatnonzero(on_market)
    median = max(int(np.median(size[ordinary])), 1) if len(ordinary) else 1
    silences = np.diff(received) // MILLISECOND_NS
    findings: list[Finding] = [
        *identity.inspect(rows, subject),
        ID.broken_by(ids <= 0),
        RISING.broken_by(after_first(jumps <= 0)),
        WHOLE.broken_by(after_first(jumps > 1)),
        PRICE.broken_by((price <= 0) & on_market),
        SIZE.broken_by((size <= 0) & on_market),
        GRID.broken_by(off_grid(rows, subject) & on_market),
        PLAUSIBLE.broken_by(implausible(price, on_market, limits.price_factor_max)),
        JUMP.most(steps(price[ordinary]), ordinary, limits),
        OUTSIZED.most(size // median, numbers, limits),
        IN_TIME.broken_by(after_first(exchange[1:] < exchange[:-1])),
        SILENCE.most(silences, numbers[1:], limits),
        HOURS.broken_by(neighbours.overlapping(ids, "trade_id", subject)),
    ]
    metrics = {
        "rows": rows.num_rows,
        "volume_lots": int(size[on_market].sum()),
        "silence_ms_max": int(silences.max()) if len(silences) else 0,
    }
    return Inspected(findings, metrics)
