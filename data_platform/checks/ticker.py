"""What an hour of the venue's own best bid and ask promises."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from data_platform.checks import identity
from data_platform.checks.findings import Finding, after_first, breaks
from trading_runtime.records.instruments import Instrument
from trading_runtime.store.hours import Hour
from trading_runtime.store.merge import session_ranks
from trading_runtime.store.parquet import integers


def inspect(rows: pa.Table, hour: Hour, grids: Sequence[Instrument]) -> list[Finding]:
    """Check one symbol's hour of tickers; the rows of each finding are numbers in the file."""
    bid, ask = integers(rows, "bid_px"), integers(rows, "ask_px")
    sizes = np.minimum(integers(rows, "bid_qty"), integers(rows, "ask_qty"))
    ids, sessions = integers(rows, "update_id"), session_ranks(rows)
    return [
        *identity.inspect(rows, hour, grids),
        breaks("px_positive", "both prices are above zero", (bid <= 0) | (ask <= 0)),
        breaks("qty_not_negative", "no size is negative", sizes < 0),
        breaks("ticker_not_crossed", "the bid is below the ask", bid >= ask),
        breaks(
            "update_id_not_falling",
            "update ids do not fall within a session",
            after_first((sessions[1:] == sessions[:-1]) & (ids[1:] < ids[:-1])),
        ),
    ]
