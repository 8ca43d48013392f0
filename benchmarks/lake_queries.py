"""Questions to the published lake, against ArcticDB on the same rows, a replay and a glob.

Ten days of trades and quotes and eight hours of depth of a seeded market (``lake_market``), written
by the lake's own writer. ArcticDB holds the same rows in LMDB, in a process and an environment of
its own; ours and its answers are taken in turns and have to be equal. Then the book at a moment by
checkpoint against a replay of the hour up to it, and one hour out of a symbol-year of 8,760 files
by manifest against DuckDB on a glob.
"""

import json
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks import lake_market as market
from benchmarks.lake_market import ID
from data_platform.assets.ticks import checkpoints
from trading_runtime.records.lake_schema import CHECKPOINTS, DEPTH, TICKER, TRADES
from trading_runtime.records.units import Nanos
from trading_runtime.store import commit, durable, manifest, parquet
from trading_runtime.store.commit import Rows
from trading_runtime.store.hours import HOUR_NS
from trading_runtime.store.lake import bars, books, events, hot, index, joins, lake, reading
from trading_runtime.store.lake.books import Book
from trading_runtime.store.manifest import Made, Quality, Source

ROOT = Path(__file__).parents[1]
PEER_PYTHON = ROOT / ".venv-bench/bin/python"
PEER = ROOT / "benchmarks/peers/arctic_lake.py"
START = market.FIRST.start
HOURS, DEPTH_HOURS, YEAR_HOURS = 240, 8, 8_760
YEAR_ROWS = 200
ROUNDS = 5
MOMENTS = 40
SLOWER_MAX, REPLAY_MIN, HOT_MIN, BOOK_MIN, GLOB_MIN = 0.9, 0.7, 1.0, 5.0, 50.0


class Spent(NamedTuple):
    """Seconds by the clock and of the processor, of one answer."""

    clock: float
    cpu: float


Answer = Callable[[], int]


def timed(question: Callable[[], object]) -> tuple[Spent, object]:
    clock, cpu = time.perf_counter(), time.process_time()
    answer = question()
    return Spent(time.perf_counter() - clock, time.process_time() - cpu), answer


class Peer:
    """ArcticDB in a process of its own."""

    def __init__(self, folder: Path, files: dict[str, list[str]]) -> None:
        self._process = subprocess.Popen(
            [str(PEER_PYTHON), str(PEER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise SystemExit("no pipes")
        self._questions, self._answers = self._process.stdin, self._process.stdout
        self.bytes = int(self.ask(json.dumps({"store": str(folder), "files": files}))["bytes"])

    def ask(self, line: str) -> dict[str, float]:
        self._questions.write(line + "\n")
        self._questions.flush()
        found: dict[str, float] = json.loads(self._answers.readline())
        return found

    def close(self) -> None:
        self._questions.close()
        self._process.wait()


def publish_hour(task: tuple[Path, int]) -> None:
    root, number = task
    tables = (DEPTH, TRADES, TICKER) if number < DEPTH_HOURS else (TRADES, TICKER)
    for table in tables:
        market.publish(root, table, number)


def build(root: Path) -> None:
    with ProcessPoolExecutor(2) as workers:
        list(workers.map(publish_hour, [(root, it) for it in range(HOURS)], chunksize=4))
    derive_checkpoints(root)
    index.rebuild(root, ID, market.FIRST.day[:4])


def derive_checkpoints(root: Path) -> None:
    """Derive the first hour's checkpoints as the platform does."""
    base = lake.dataset(root, DEPTH, ID, market.FIRST)
    told = manifest.read(base.published)
    if told is None:
        raise SystemExit("the first hour is not published")
    rows = parquet.read(base.published, checkpoints.COLUMNS)
    found = checkpoints.checkpoints(rows, market.FIRST, frozenset(range(60)), None)
    dataset = lake.dataset(root, CHECKPOINTS, ID, market.FIRST)
    source = Source(path=base.path, sha256=told.file_sha256, rows=rows.num_rows)
    commit.stage(dataset, Rows(found, [source], True, {}, "benchmark/1"))
    digest = durable.sha256(dataset.staged)
    commit.judge(dataset, Quality(file_sha256=digest, expectations=1, broken=()))
    commit.publish(dataset, Made(run_id="benchmark", at=Nanos(1)))


def total(rows: pa.Table, *names: str) -> int:
    return sum(int(pc.sum(rows.column(name)).as_py()) for name in names)


def ohlcv(root: Path) -> int:
    found = bars.ohlcv(root, ID, START, START + HOURS * HOUR_NS)
    return total(found, "open", "high", "low", "close", "volume", "n_trades")


def as_of(root: Path) -> int:
    found = joins.trades_with_quotes(root, ID, START, START + HOURS * HOUR_NS)
    return total(found, "bid_px", "ask_qty")


def replayed(root: Path) -> int:
    return len(events.read(lake.select(root, DEPTH, ID, START, START + DEPTH_HOURS * HOUR_NS)))


def replayed_hot(root: Path) -> int:
    chosen = lake.select(root, DEPTH, ID, START, START + DEPTH_HOURS * HOUR_NS)
    return len(events.read(hot.prefer(root, chosen)))


def against_peer(root: Path, folder: Path) -> tuple[dict[str, tuple[Spent, Spent]], int]:
    """Give the medians of ours and the peer's for each question, and the peer's bytes."""
    spans = {DEPTH: DEPTH_HOURS, TRADES: HOURS, TICKER: HOURS}
    files = {
        table.minutes: lake.select(root, table, ID, START, START + hours * HOUR_NS).paths
        for table, hours in spans.items()
    }
    peer = Peer(folder / "arctic", files)
    hot.warm(root, lake.select(root, DEPTH, ID, START, START + DEPTH_HOURS * HOUR_NS))
    asked: dict[str, tuple[Callable[[Path], int], str]] = {
        "bars": (ohlcv, "bars"),
        "joined": (as_of, "joined"),
        "replayed": (replayed, "replayed"),
        "hot": (replayed_hot, "replayed"),
    }
    found = {}
    for name, (ours, theirs) in asked.items():
        answers = {ours(root), int(peer.ask(theirs)["answer"])}  # and everything is compiled
        if len(answers) > 1:
            raise SystemExit(f"{name}: the answers differ: {answers}")
        mine, his = [], []
        for _ in range(ROUNDS):
            mine.append(timed(lambda ours=ours: ours(root))[0])
            told = peer.ask(theirs)
            his.append(Spent(told["seconds"], told["cpu"]))
        found[name] = (median(mine), median(his))
    peer.close()
    return found, peer.bytes


def median(spent: list[Spent]) -> Spent:
    return Spent(
        statistics.median(it.clock for it in spent), statistics.median(it.cpu for it in spent)
    )


def same(left: Book, right: Book) -> bool:
    """Whether both have the same levels down to where the less deep one ends."""
    bids, asks = (
        min(len(getattr(left, name)), len(getattr(right, name))) for name in ("bid_px", "ask_px")
    )
    return left.last_id == right.last_id and all(
        np.array_equal(getattr(left, name)[:count], getattr(right, name)[:count])
        for name, count in (
            ("bid_px", bids),
            ("bid_qty", bids),
            ("ask_px", asks),
            ("ask_qty", asks),
        )
    )


def book(root: Path) -> tuple[Spent, Spent]:
    """Give the medians of the book by checkpoint and by replay, at the same moments."""
    rng = random.Random(1)  # noqa: S311 -- moments, no secret
    by_checkpoint, by_replay = [], []
    for _ in range(MOMENTS):
        at = START + 10**9 + rng.randrange(HOUR_NS - 10**9)
        spent, quick = timed(lambda at=at: books.book_at(root, ID, at))
        by_checkpoint.append(spent)
        spent, slow = timed(lambda at=at: books.replay(root, ID, at))
        by_replay.append(spent)
        if not isinstance(quick, Book) or not isinstance(slow, Book) or not same(quick, slow):
            raise SystemExit(f"the books at {at} differ")
    return median(by_checkpoint), median(by_replay)


def build_year(root: Path) -> None:
    """Write a symbol-year of small hours, each with its manifest, without syncing."""
    rows = market.trades(0).slice(0, YEAR_ROWS)
    told, named = b"", b""
    for number in range(YEAR_HOURS):
        it = lake.dataset(root, TRADES, ID, market.hour_number(number))
        it.published.parent.mkdir(parents=True, exist_ok=True)
        times = pc.add(rows.column("ts_recv"), number * HOUR_NS)
        pq.write_table(rows.set_column(0, "ts_recv", times), it.published)
        if not told:
            told, named = msgspec.json.encode(manifest_of(it)), it.path.encode()
        manifest.manifest_path(it.published).write_bytes(told.replace(named, it.path.encode()))
    market.seal(root, TRADES, YEAR_HOURS // 2, YEAR_ROWS)


def manifest_of(it: commit.Dataset) -> manifest.Manifest:
    digest = durable.sha256(it.published)
    record = manifest.Commit(
        dataset=it.path,
        version=1,
        schema_id=TRADES.schema_id,
        maker="benchmark/1",
        sources=(),
        sealed=True,
        rows=YEAR_ROWS,
        content_sha256=digest,
        first_ts=Nanos(0),
        last_ts=Nanos(0),
    )
    return manifest.Manifest(
        commit=record,
        file_sha256=digest,
        size_bytes=it.published.stat().st_size,
        quality=Quality(file_sha256=digest, expectations=1, broken=()),
        made=Made(run_id="benchmark", at=Nanos(1)),
    )


def one_hour(root: Path) -> tuple[Spent, Spent]:
    """Give the medians of one hour's volume by manifest and by glob."""
    start = market.hour_number(YEAR_HOURS // 2).start
    connection = duckdb.connect()
    pattern = str(root / "*/*/[0-9]*/*/*/*/trade.parquet")

    def by_manifest() -> int:
        chosen = lake.select(root, TRADES, ID, start, start + HOUR_NS)
        return int(reading.relation(chosen, connection).sum("qty").fetchall()[0][0])

    def by_glob() -> int:
        span = f"ts_recv >= {start} and ts_recv < {start + HOUR_NS}"
        asked = f"select sum(qty) from read_parquet('{pattern}') where {span}"  # noqa: S608 -- ours
        return int(connection.sql(asked).fetchall()[0][0])

    found: tuple[list[Spent], list[Spent]] = ([], [])
    for _ in range(ROUNDS):
        (mine, first), (theirs, second) = timed(by_manifest), timed(by_glob)
        if first != second:
            raise SystemExit("the hours differ")
        found[0].append(mine)
        found[1].append(theirs)
    return median(found[0]), median(found[1])


def row(what: str, pair: tuple[Spent, Spent], least: float) -> dict[str, object]:
    """Write one ratio: how many times as fast as the other ours is."""
    ours, other = pair
    ratio, cpu = other.clock / ours.clock, other.cpu / max(ours.cpu, 1e-9)
    return {
        "what": what,
        "measured": f"{ratio:.2f} x its speed ({ours.clock * 1e3:.1f} against "
        f"{other.clock * 1e3:.1f} ms; {cpu:.2f} x by processor time)",
        "target": f">= {least:g} x",
        "met": ratio >= least,
    }


def main() -> None:
    found: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="lake-") as name:
        folder = Path(name)
        root = folder / "data/lake"
        build(root)
        how = "ArcticDB was not measured: there is no .venv-bench. "
        if PEER_PYTHON.is_file():
            peer, size = against_peer(root, folder)
            found += [
                row("1-minute OHLCV over 10 days, against ArcticDB", peer["bars"], SLOWER_MAX),
                row("as-of join of trades to quotes, likewise", peer["joined"], SLOWER_MAX),
                row("full replay into numpy events, likewise", peer["replayed"], REPLAY_MIN),
                row("the same on the lz4 profile", peer["hot"], HOT_MIN),
            ]
            how = f"ArcticDB 6.28.2 holds the same rows in LMDB on {size / 1e6:,.0f} MB. "
        found.append(row("last book at t by checkpoint, against a replay", book(root), BOOK_MIN))
        year = folder / "year/lake"
        build_year(year)
        found.append(row("an hour of a symbol-year, against a glob", one_hour(year), GLOB_MIN))
        size = sum(it.stat().st_size for it in root.glob("*/*/[0-9]*/*/*/*/[dt]*.parquet"))
    how += (
        f"Ours takes {size / 1e6:,.0f} MB: {HOURS} hours of trades (20,833 each) and quotes "
        f"(17,900), {DEPTH_HOURS} of depth (1.78 M rows each). Medians of {ROUNDS} rounds in "
        f"turns, page checksums verified; books at {MOMENTS} moments, each equal to the replay of "
        "its hour up to the moment."
    )
    for it in found:
        print(f"{it['what']:55} {it['measured']}")
    print(json.dumps({"benchmark": "lake_queries", "how": how, "rows": found}))


if __name__ == "__main__":
    main()
