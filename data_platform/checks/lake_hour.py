"""What an hour promises as a whole: its files by their manifests, its tables by each other.

Asked of what is published, after it was: nothing is kept out by it. Rows are numbers in the file
that the finding's dataset names.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from data_platform.checks import depth, over_hours, traded
from data_platform.checks.findings import NO_ROWS, PPM, Finding, Int64s, Rule, Subject, ppm
from data_platform.checks.place import Place, Told, as_snapshot, book_at
from data_platform.checks.settings import QualitySettings, Thresholds
from trading_runtime.records.exact import Grid
from trading_runtime.records.lake_schema import (
    DEPTH,
    KEY_INSTRUMENTS,
    KLINES,
    PUBLISHED,
    TICKER,
    TRADES,
    Flag,
    read_instruments,
)
from trading_runtime.store import durable, manifest, parquet
from trading_runtime.store.hours import HOUR_NS, MINUTE_NS, Hour, hour_at
from trading_runtime.store.parquet import integers

MANIFEST = Rule("file_has_manifest", "every file has a manifest, and every manifest its file")
BYTES = Rule("file_as_manifest", "a file's bytes have the digest of its manifest")
TABLES_THERE = Rule("tables_there", "an instrument with depth has trades too", blocking=False)
CHAIN = Rule("chain_over_hours", "the first delta follows the last one of the hour before")
TOP = Rule("ticker_is_top", "the book's best prices are the venue's own", False, "top_ppm_max")
IN_BOOK = Rule("trades_in_book", "trades are at or near the touch", False, "off_book_ppm_max")
TAKER = Rule("taker_side", "takers buy at the ask and sell at the bid", False, "taker_side_ppm_max")
PAIRS = Rule("pairs_agree", "two instruments of one thing cost the same", False, "pair_ppm_max")


class Touch(NamedTuple):
    """Best prices over time; ``at`` rises."""

    at: Int64s
    bid: Int64s
    ask: Int64s


def places(lake: Path, hour: Hour) -> list[Place]:
    """Give every instrument that has anything published of the hour."""
    below = f"{hour.day.replace('-', '/')}/{hour.of_day:02d}"
    return [
        Place(lake, it, hour)
        for it in sorted(lake.glob(f"*/*/{below}"))
        if not it.relative_to(lake).parts[0].startswith("_")
    ]


def files(place: Place) -> Iterator[Told]:
    """Hold files against manifests, both ways."""
    for table in PUBLISHED.values():
        path, told = place.file(table), manifest.read(place.file(table))
        if not path.exists() and told is None:
            continue
        yield Told(place.name(table), MANIFEST.differs(int(not path.exists() or told is None)))
        if path.exists() and told is not None:
            rotten = durable.sha256(path) != told.file_sha256
            yield Told(place.name(table), BYTES.differs(int(rotten)))


def seeded(rows: pa.Table, place: Place) -> pa.Table:
    """Begin the hour with its first checkpoint, where there is one, as a snapshot of ours."""
    first, schema = book_at(place, place.hour.start), parquet.arrow_schema(DEPTH)
    if first is None:
        return rows
    return pa.concat_tables([as_snapshot(first), rows.cast(schema)])


def touch_of(place: Place, rows: pa.Table, limits: Thresholds) -> tuple[Touch, Int64s]:
    """Replay seeded depth; give its best prices, and the last update id of each."""
    grids = read_instruments(parquet.metadata(place.file(DEPTH)).get(KEY_INSTRUMENTS, b"[]"))
    found = depth.scanned(rows, Subject(place.hour, grids, limits))
    known = np.flatnonzero(found.bids)
    rows_of = found.starts[known]
    touch = Touch(found.columns.ts_recv[rows_of], found.bids[known], found.asks[known])
    return touch, found.columns.last_id[rows_of]


def against_ticker(
    ticker: pa.Table, touch: Touch, ids: Int64s, limits: Thresholds
) -> list[Finding]:
    """Compare the book with the venue's own best prices wherever both name one update."""
    updates = integers(ticker, "update_id")
    order = np.argsort(ids, kind="stable")
    place = np.minimum(np.searchsorted(ids[order], updates), max(len(ids) - 1, 0))
    if len(ids) == 0:
        return []
    own = order[place]
    same = ids[own] == updates
    differs = (integers(ticker, "bid_px") != touch.bid[own]) | (
        integers(ticker, "ask_px") != touch.ask[own]
    )
    rows = np.flatnonzero(same & differs)
    if not same.any():
        return []
    return [Finding(TOP, ppm(len(rows), int(same.sum())), rows, TOP.limit_of(limits))]


def against_book(trades: pa.Table, touch: Touch, limits: Thresholds) -> Iterator[Finding]:
    """Hold each trade against the last best prices before it; none where no book is known."""
    px = integers(trades, "px")
    place = np.searchsorted(touch.at, integers(trades, "ts_recv"), side="right") - 1
    judged = (place >= 0) & ((integers(trades, "flags") & Flag.OFF_MARKET) == 0)
    if len(touch.at) == 0:
        judged = np.zeros(len(px), dtype=np.bool_)
        bid = ask = px
    else:
        bid, ask = touch.bid[place], touch.ask[place]
    room = px * limits.off_book_ppm // PPM
    total = int(judged.sum())
    if not total:
        return
    outside = np.flatnonzero(judged & ((px < bid - room) | (px > ask + room)))
    sold = trades.column("is_buyer_maker").to_numpy().astype(np.bool_)
    # By the middle: a trade is often told before the level that it emptied.
    wrong = np.where(sold, 2 * px > bid + ask, 2 * px < bid + ask)
    astray = np.flatnonzero(judged & wrong)
    yield Finding(IN_BOOK, ppm(len(outside), total), outside, IN_BOOK.limit_of(limits))
    yield Finding(TAKER, ppm(len(astray), total), astray, TAKER.limit_of(limits))


def chain_over(before: Place, rows: pa.Table) -> list[Finding]:
    """Hold the first delta against the last one of the hour before, if both are of one session."""
    path = before.file(DEPTH)
    columns = ["session", "first_id", "last_id", "prev_id", "flags"]
    known = parquet.read(path, columns) if path.exists() else None
    deltas = np.flatnonzero((integers(rows, "flags") & Flag.SNAPSHOT) == 0)
    if known is None or len(deltas) == 0:
        return []
    earlier = np.flatnonzero((integers(known, "flags") & Flag.SNAPSHOT) == 0)
    first = rows.select(columns).slice(int(deltas[0]), 1).to_pylist()[0]
    if len(earlier) == 0 or first["flags"] & Flag.MAYBE_BAD_BOOK:
        return []
    last = known.slice(int(earlier[-1]), 1).to_pylist()[0]
    told = first["first_id"] - 1 if first["prev_id"] is None else first["prev_id"]
    if first["session"] != last["session"]:
        return []
    return [CHAIN.broken_by(deltas[:1] if told != last["last_id"] else NO_ROWS)]


def across_tables(place: Place, before: Place, settings: QualitySettings) -> Iterator[Told]:
    """Hold the tables of one instrument's hour against each other."""
    limits, rows = settings.of(place.instrument), place.read(DEPTH)
    if rows is None:
        return
    trades, ticker = place.read(TRADES), place.read(TICKER)
    yield Told(place.name(DEPTH), TABLES_THERE.differs(int(trades is None)))
    for finding in chain_over(before, rows):
        yield Told(place.name(DEPTH), finding)
    yield from over_hours.inspect(place, before, rows, limits)
    rows = seeded(rows, place)
    touch, ids = touch_of(place, rows, limits)
    if trades is not None:
        found = [*against_book(trades, touch, limits), *traded.inspect(rows, trades, limits)]
        for finding in found:
            yield Told(place.name(TRADES), finding)
    if ticker is not None:
        for finding in against_ticker(ticker, touch, ids, limits):
            yield Told(place.name(TICKER), finding)


def closes(place: Place) -> dict[int, Decimal]:
    """Give the closes of the hour's bars as prices, by minute."""
    rows = place.read(KLINES)
    if rows is None:
        return {}
    grids = read_instruments(parquet.metadata(place.file(KLINES)).get(KEY_INSTRUMENTS, b"[]"))
    ticks = {it.revision: Grid(it.tick_size) for it in grids}
    return {
        it["open_time"]: ticks[it["instrument_rev"]].decimal(it["close"])
        for it in rows.to_pylist()
        if it["close"] is not None
    }


def pair_apart(one: Place, other: Place, limits: Thresholds) -> Told:
    """Compare the closes of two instruments minute by minute; rows are those of the first."""
    mine, theirs = closes(one), closes(other)
    minutes = sorted(mine)
    apart = [
        int(abs(mine[it] - theirs[it]) * PPM / mine[it]) if it in theirs else 0 for it in minutes
    ]
    rows = np.array([(it - one.hour.start) // MINUTE_NS for it in minutes], dtype=np.int64)
    return Told(one.name(KLINES), PAIRS.most(np.array(apart, dtype=np.int64), rows, limits))


def inspect(lake: Path, hour: Hour, settings: QualitySettings) -> list[Told]:
    """Check the hour of every instrument, then of every pair that the settings name."""
    there = places(lake, hour)
    earlier = hour_at(hour.start - HOUR_NS)
    told: list[Told] = []
    for place in there:
        told += [*files(place), *across_tables(place, place.at(earlier), settings)]
    by_name = {it.instrument: it for it in there}
    told += [
        pair_apart(by_name[one], by_name[other], settings.of(one))
        for one, other in settings.pairs
        if one in by_name and other in by_name
    ]
    return [it for it in told if settings.asks("lake", it.finding.rule.name)]
