"""What an hour of trades promises (facts of the lake, 6.2: expectations 29 to 31 and 34)."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from data_platform.checks import identity
from data_platform.checks.findings import Finding, after_first, breaks, warns
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.lake_schema import Flag
from trading_runtime.store.hours import Hour
from trading_runtime.store.parquet import integers


def inspect(rows: pa.Table, hour: Hour, grids: Sequence[Instrument]) -> list[Finding]:
    """Check one symbol's hour of trades; the rows of each finding are numbers in the file."""
    ids, price, size = (integers(rows, it) for it in ("trade_id", "px", "qty"))
    exchange = integers(rows, "ts_exch")
    off_market = (integers(rows, "flags") & Flag.OFF_MARKET) != 0
    step = np.diff(ids)
    return [
        *identity.inspect(rows, hour, grids),
        breaks("trade_id_positive", "a trade has an id above zero", ids <= 0),
        breaks("trade_id_rising", "trade ids rise, so none comes twice", after_first(step <= 0)),
        warns("trade_ids_whole", "no trade id is left out", after_first(step > 1)),
        breaks("px_positive", "a trade has a price above zero", (price <= 0) & ~off_market),
        breaks("qty_positive", "a trade has a size above zero", (size <= 0) & ~off_market),
        warns(
            "ts_exch_not_falling",
            "the venue's time does not fall from one trade to the next",
            after_first(exchange[1:] < exchange[:-1]),
        ),
    ]
