"""ArcticDB as the peer of the lake: the same rows in its LMDB store, the same three questions.

Run in an environment of its own (``.venv-bench``). Loads the Parquet files that the first line of
its input names, then answers one question a line with the seconds that it took, by clock and by
processor, and a digest of the answer, which the benchmark holds against ours.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import arcticdb
import numba
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

EVENT = np.dtype(
    [
        ("ts_recv", np.int64),
        ("ts_exch", np.int64),
        ("px", np.int64),
        ("qty", np.int64),
        ("seq", np.int64),
        ("kind", np.uint8),
        ("side", np.int8),
        ("flags", np.uint8),
    ],
    align=True,
)
COLUMNS = {
    "depth": ["ts_exch", "px", "qty", "seq", "side", "flags"],
    "trades": ["trade_id", "px", "qty", "is_buyer_maker"],
    "ticker": ["bid_px", "bid_qty", "ask_px", "ask_qty"],
}


@numba.njit(cache=True)
def fill(out, times, exch, px, qty, seq, side, flags):  # noqa: ANN001, ANN201, PLR0913, PLR0917
    for row in range(len(px)):
        event = out[row]
        event.ts_recv = times[row]
        event.ts_exch = exch[row]
        event.px = px[row]
        event.qty = qty[row]
        event.seq = seq[row]
        event.kind = 0
        event.side = side[row]
        event.flags = flags[row]


def load(library: arcticdb.library.Library, name: str, paths: list[str]) -> None:
    columns = ["ts_recv", *COLUMNS[name]]
    rows = pa.concat_tables([pq.read_table(path, columns=columns) for path in paths]).to_pandas()
    rows.index = pd.DatetimeIndex(rows.pop("ts_recv"))
    library.write(name, rows)


def bars(library: arcticdb.library.Library) -> int:
    named = {
        "open": ("px", "first"),
        "high": ("px", "max"),
        "low": ("px", "min"),
        "close": ("px", "last"),
        "volume": ("qty", "sum"),
        "n_trades": ("qty", "count"),
    }
    asked = arcticdb.QueryBuilder().resample("1min").agg(named)
    found = library.read("trades", query_builder=asked).data
    return int(sum(int(found[name].sum()) for name in named))


def joined(library: arcticdb.library.Library) -> int:
    trades = library.read("trades", columns=COLUMNS["trades"]).data
    quotes = library.read("ticker").data
    found = pd.merge_asof(
        trades, quotes, left_index=True, right_index=True, allow_exact_matches=False
    )
    return int(found["bid_px"].sum() + found["ask_qty"].sum())


def replayed(library: arcticdb.library.Library) -> int:
    rows = library.read("depth").data
    out = np.empty(len(rows), EVENT)
    fill(out, rows.index.asi8, *(rows[name].to_numpy() for name in COLUMNS["depth"]))
    return len(out)


QUESTIONS: dict[str, Callable[[arcticdb.library.Library], int]] = {
    "bars": bars,
    "joined": joined,
    "replayed": replayed,
}


def main() -> None:
    told = json.loads(sys.stdin.readline())
    store = arcticdb.Arctic(f"lmdb://{told['store']}?map_size=8GB")
    library = store.get_library("lake", create_if_missing=True)
    for name, paths in told["files"].items():
        load(library, name, paths)
    size = sum(it.stat().st_blocks * 512 for it in Path(told["store"]).rglob("*") if it.is_file())
    print(json.dumps({"bytes": size}), flush=True)
    for line in sys.stdin:
        question = QUESTIONS[line.strip()]
        started, worked = time.perf_counter(), time.process_time()
        answer = question(library)
        seconds, cpu = time.perf_counter() - started, time.process_time() - worked
        print(json.dumps({"seconds": seconds, "cpu": cpu, "answer": answer}), flush=True)


if __name__ == "__main__":
    main()
