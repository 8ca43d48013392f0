"""What verifying an audit record costs: ``python -m benchmarks.audit_verify [--entries N]``.

A log of 100,000 entries (1,000,000 for the second part) is made in a temporary folder, in the
page cache. Three figures: full verification against SHA-256 once over the same entries, on one
core; two processes against one; one entity with its completeness, with and without the index.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import msgspec

from tests.evidence.verify.building import ORIGIN, Building
from trading_runtime.audit.index.opening import open_index
from trading_runtime.evidence import entry
from trading_runtime.evidence.index_row import row_of
from trading_runtime.evidence.verify.asked import Evidence, Question
from trading_runtime.evidence.verify.hot import SqliteRows
from trading_runtime.evidence.verify.rows import read_rows
from trading_runtime.evidence.verify.spread import over
from trading_runtime.evidence.verify.verify import verify

Row = dict[str, str | bool]
ROUNDS = 3
SHARE_MIN = 0.08
SPEEDUP_MIN = 1.7
ENTITY_S_MAX = 1.0
PAD = 150
"""Makes an entry about 800 bytes, as those of the runtime are."""


def make(folder: Path, count: int, periods: int, *, indexed: bool) -> Building:
    log = Building(folder)
    log.start("log", "20261120T000000")
    log.declare()
    log.start("runtime", "20261120T000001")
    for _ in range(periods):
        log.bulk(count // (periods + 1), pad=PAD)
        log.end_period()
    log.bulk(count - len(log.entries), pad=PAD)
    log.write()
    if indexed:
        fill_index(log)
    return log


def fill_index(log: Building) -> None:
    index = open_index(log.audit, "", ORIGIN)
    step = 5_000
    for first in range(0, len(log.entries), step):
        raws = log.entries[first : first + step]
        rows = read_rows(raws, first)[0]
        index.append(
            [
                row_of(at, row, row.version, entry.current_hash(raw), raw.decode())  # type: ignore[arg-type]
                for at, (row, raw) in enumerate(zip(rows, raws, strict=True), first)
                if row is not None
            ]
        )
    index.settle()
    index.close()


def best(task: Callable[[], object], clock: Callable[[], float]) -> float:
    """Give the shortest of some rounds, in seconds."""
    found = []
    for _ in range(ROUNDS):
        start = clock()
        task()
        found.append(clock() - start)
    return min(found)


def look(log: Building, entity: str | None, jobs: int, *, indexed: bool = False) -> None:
    evidence = Evidence(
        log=log.log,
        trust=log.audit / "trust",
        pin=log.pin,
        index=SqliteRows(str(log.audit / "index.sqlite")) if indexed else None,
    )
    with over(jobs) as spread:
        report = verify(evidence, Question(now=log.now + 60, entity=entity), spread)
    if report.exit_status:
        raise SystemExit(report.text())


def row(what: str, measured: str, target: str, met: bool) -> Row:  # noqa: FBT001 -- as in run.py
    return {"what": what, "measured": measured, "target": target, "met": met}


def whole(folder: Path, count: int) -> list[Row]:
    log = make(folder, count, 4, indexed=False)
    entries = log.entries
    size = sum(map(len, entries))
    bare = best(lambda: [sha256(it).digest() for it in entries], time.process_time)
    log.entries = []  # the verifier's processes hold nothing of ours
    full = best(lambda: look(log, None, 1), time.process_time)
    one = best(lambda: look(log, None, 1), time.monotonic)
    two = best(lambda: look(log, None, 2), time.monotonic)
    return [
        row(
            f"full verification, {count:,} entries of {size // count} bytes, against SHA-256 once",
            f"{bare / full:.1%} ({full / count * 1e6:.1f} us an entry against"
            f" {bare / count * 1e6:.1f})",
            ">= 8 %",
            bare / full >= SHARE_MIN,
        ),
        row(
            "the same by two processes, against one",
            f"{one / two:.2f} x ({one:.1f} s, {two:.1f} s)",
            ">= 1.7 x",
            one / two >= SPEEDUP_MIN,
        ),
    ]


def one_entity(folder: Path, count: int) -> list[Row]:
    log = make(folder, count, 24, indexed=True)
    log.entries = []
    indexed = best(lambda: look(log, "order:77", 1, indexed=True), time.monotonic)
    searched = best(lambda: look(log, "order:77", 1), time.monotonic)
    return [
        row(
            f"one entity among {count:,} entries, with its completeness",
            f"{indexed:.2f} s with the index, {searched:.2f} s without",
            "<= 1 s",
            max(indexed, searched) <= ENTITY_S_MAX,
        )
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=400_000, help="of the full verification")
    parser.add_argument("--among", type=int, default=1_000_000, help="of the one entity; 0: not")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = whole(Path(folder), chosen.entries)
    if chosen.among:
        with tempfile.TemporaryDirectory() as folder:
            rows += one_entity(Path(folder), chosen.among)
    for each in rows:
        print(f"{each['what']}: {each['measured']}")
    result = {
        "benchmark": "audit_verify",
        "how": f"logs in the page cache, a signature per 100 entries; the best of {ROUNDS} rounds,"
        " processor time for the share of SHA-256 and wall clock for the others",
        "rows": rows,
    }
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    main()
