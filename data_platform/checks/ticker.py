"""What an hour of the venue's own best bid and ask promises."""

import numpy as np
import pyarrow as pa

from data_platform.checks import identity
from data_platform.checks.findings import Inspected, Rule, Subject, after_first
from data_platform.checks.identity import MILLISECOND_NS
from data_platform.checks.trades import implausible
from trading_runtime.store.merge import session_ranks
from trading_runtime.store.parquet import integers

PRICE = Rule("px_positive", "both prices are above zero")
SIZE = Rule("qty_not_negative", "no size is negative")
NOT_CROSSED = Rule("ticker_not_crossed", "the bid is below the ask")
PLAUSIBLE = Rule("px_plausible", "no price is many times the hour's median, or a small part of it")
UPDATES = Rule("update_id_not_falling", "update ids do not fall within a session")
SPREAD = Rule("spread_sane", "the spread is never wider than allowed", False, "spread_ppm_max")
SILENCE = Rule("ticker_silence", "no update is long in coming", False, "ticker_silence_ms_max")


def inspect(rows: pa.Table, subject: Subject) -> Inspected:
    """Check one symbol's hour of tickers; the rows of each finding are numbers in the file."""
    limits = subject.limits
    bid, ask = integers(rows, "bid_px"), integers(rows, "ask_px")
    sizes = np.minimum(integers(rows, "bid_qty"), integers(rows, "ask_qty"))
    ids, sessions = integers(rows, "update_id"), session_ranks(rows)
    numbers, everywhere = np.arange(rows.num_rows), np.ones(rows.num_rows, dtype=np.bool_)
    silences = np.diff(integers(rows, "ts_recv")) // MILLISECOND_NS
    spreads = np.maximum(ask - bid, 0) * 2_000_000 // np.maximum(bid + ask, 1)
    far = implausible(bid, everywhere, limits.price_factor_max) | implausible(
        ask, everywhere, limits.price_factor_max
    )
    findings = [
        *identity.inspect(rows, subject),
        PRICE.broken_by((bid <= 0) | (ask <= 0)),
        SIZE.broken_by(sizes < 0),
        NOT_CROSSED.broken_by(bid >= ask),
        PLAUSIBLE.broken_by(far),
        UPDATES.broken_by(after_first((sessions[1:] == sessions[:-1]) & (ids[1:] < ids[:-1]))),
        SPREAD.most(spreads, numbers, limits),
        SILENCE.most(silences, numbers[1:], limits),
    ]
    metrics = {
        "rows": rows.num_rows,
        "spread_ppm_median": int(np.median(spreads)) if len(spreads) else 0,
        "silence_ms_max": int(silences.max()) if len(silences) else 0,
    }
    return Inspected(findings, metrics)
