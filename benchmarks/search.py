"""Searching archived logs against ``rg -z`` over the same files, and against six times as many.

Lines as scribe writes them (orders that are placed, accepted, cancelled, filled, some rejected;
quotes; inventory), sealed by the hour and compressed as the platform does. ``--gib`` says how many
GiB of lines the smaller archive has; the larger one has the same files six times, each time under
earlier days: nothing of them may be opened when the newest lines are asked for.

A needle is one order's id: ``tapedeck search --order`` as a process of its own, start and all,
against ``rg -z`` for the same text over the same ``.gz`` files, in rounds that take turns. The
newest 200 lines of one event and symbol are searched in both archives, likewise as processes.
"""

import argparse
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

import msgspec

from trading_runtime.records import layout
from trading_runtime.records.units import Module
from trading_runtime.store.hours import HOUR_NS, Hour, hour_at
from trading_runtime.store.search import members

GIB = 1 << 30
SCALE = 1.0
APART_DAYS = 3
TIMES = 6
ORDER_BYTES = 1_090
"""Of one order's lines, about."""
HOUR_BYTES = 48 << 20
"""Of the OMS lines of one hour, in one sealed file."""
ROUNDS = 5
LAST_HOUR = Hour("2025-11-19", 14)
NEEDLE_TARGET, NEWEST_TARGET = 10.0, 2.0
SYMBOLS = ("BTCUSDT", "ETHUSDT", "BTCUSDC", "SOLUSDT")
SESSION = "20251101T000000000000Z-benchmrk"
REJECT = (
    "Due to the order could not be executed as maker, the Post Only order will be rejected. "
    "The order will not be recorded in the order history"
)
HEAD = (
    '{"ts":"%s","module":"oms","level":"%s","event":"%s","symbol":"%s",'
    '"instrument_id":"binance-usdm:%s","orderId":"%s"'
)
TAIL = ',"session":"' + SESSION + '","seq":%d}\n'


class Cost(NamedTuple):
    """Seconds on the clock and of processors, and what was printed."""

    wall: float
    used: float
    found: bytes


class Made(NamedTuple):
    lines: int
    bytes: int
    compressed: int


def lifecycle(rng: random.Random, number: int) -> Iterator[tuple[str, str, str]]:
    """Give level, event and own fields of each line of one order."""
    price, side = 61_000 + rng.randrange(20_000) / 10, rng.choice(("buy", "sell"))
    yield (
        "INFO",
        "PlaceOrder",
        (
            f'"side":"{side}","execution":"post_only","reduce_only":false,"reason":"grid: half '
            f'spread {rng.randrange(10**7)} micro-ticks","price":{price:.1f},"qty":0.002'
        ),
    )
    if rng.random() < 0.01:
        yield "WARN", "OrderRejected", f'"code":-5022,"reason":"{REJECT}","retry":true'
        return
    latency = f'"latency_ms":{rng.lognormvariate(1.2, 0.5):.6f}'
    yield "INFO", "OrderAccepted", f'"venue_order":"{8_000_000_000 + number}",{latency}'
    if rng.random() < 0.06:
        yield (
            "INFO",
            "OrderFilled",
            (
                f'"venue_trade":"{number}","side":"{side}","maker":true,"fee_asset":"USDT",'
                f'"price":{price:.1f},"qty":0.002,"remaining":0.000,"fee":0.02444'
            ),
        )
        return
    yield "INFO", "CancelOrder", '"reason":"no quote at this price"'
    yield "INFO", "OrderCancelled", f'"filled":0.000,"latency_ms":{rng.lognormvariate(1, 0.5):.6f}'


def prefix(hour: Hour) -> str:
    return f"tdbench{hour.start // HOUR_NS:x}"


def order_id(hour: Hour, number: int) -> str:
    return f"{prefix(hour)}{number:06x}"


@cache
def pattern(size: int) -> tuple[int, bytes]:
    """Give about ``size`` bytes of OMS lines of the last hour, and their number."""
    rng = random.Random(7)  # noqa: S311 -- the same lines every time
    count = size // ORDER_BYTES
    step_us = 3_599_000_000 // count
    lines = []
    for number in range(count):
        symbol, order = rng.choice(SYMBOLS), order_id(LAST_HOUR, number)
        at = number * step_us
        for level, event, fields in lifecycle(rng, number):
            at = min(at + rng.randrange(max(2, step_us // 4)), 3_599_999_999)
            minute, micros = divmod(at, 60_000_000)
            ts = f"{LAST_HOUR.name}:{minute:02d}:{micros // 10**6:02d}.{micros % 10**6:06d}Z"
            head = HEAD % (ts, level, event, symbol, symbol, order)
            lines.append(f"{head},{fields}" + TAIL % (len(lines) + 1))
    return len(lines), "".join(lines).encode()


def write_hour(path: Path, hour: Hour, size: int) -> int:
    """Write the lines of one hour, whose orders and times are its own; give their number."""
    count, lines = pattern(size)
    own = lines.replace(LAST_HOUR.name.encode(), hour.name.encode())
    path.write_bytes(own.replace(prefix(LAST_HOUR).encode(), prefix(hour).encode()))
    return count


def make_hour(data: str, hour: Hour, size: int) -> Made:
    """Write and compress one hour; the plain lines do not stay."""
    plain = Path(layout.sealed_logs(Path(data)) / layout.sealed_log_name(Module.OMS, hour.name, 1))
    lines = write_hour(plain, hour, size)
    gz = Path(layout.archived_log(Path(data), Module.OMS, hour.name, 1))
    index = members.compress(plain, gz, hour.start)
    plain.unlink()
    return Made(lines, index.plain_bytes, index.gz_bytes + members.index_path(gz).stat().st_size)


def hour_count(gib: float) -> int:
    return max(2, round(gib * GIB / HOUR_BYTES))


def hour_size(gib: float) -> int:
    return int(gib * GIB / hour_count(gib))


def hours(count: int) -> list[Hour]:
    """Give so many hours, back from the last one."""
    return [hour_at(LAST_HOUR.start - number * HOUR_NS) for number in range(count)]


def make(data: Path, wanted: list[Hour], size: int) -> Made:
    """Make an archive with so many bytes of lines in each of these hours."""
    Path(layout.sealed_logs(data)).mkdir(parents=True)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        tasks = [[str(data)] * len(wanted), wanted, [size] * len(wanted)]
        made = list(pool.map(make_hour, *tasks))
    return Made(*(sum(it) for it in zip(*made, strict=True)))


def timed(command: list[str]) -> Cost:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = perf_counter()
    done = subprocess.run(command, capture_output=True, check=False)
    took = perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in {0, 1}:
        raise SystemExit(done.stderr.decode())
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(took, used, done.stdout)


def searched(data: Path, *words: str) -> Cost:
    command = [sys.executable, "-m", "trading_runtime.cli.main", "search", "--data", str(data)]
    return timed([*command, *words])


def ripgrep(data: Path, text: str) -> Cost:
    folder = str(layout.log_archive(data))
    return timed(["rg", "-z", "-I", "-N", "-F", "-g", "*.gz", text, folder])


def orders(gib: float, count: int) -> list[str]:
    """Give ids of orders from all over the archive."""
    rng = random.Random(1)  # noqa: S311 -- the same orders every time
    size = hour_size(gib)
    known = hours(hour_count(gib))
    return [order_id(rng.choice(known), rng.randrange(size // ORDER_BYTES)) for _ in range(count)]


def needles(data: Path, wanted: list[str]) -> tuple[list[Cost], list[Cost]]:
    """Give our costs and ripgrep's for each order; both find the same lines."""
    ours, theirs = [], []
    for order in wanted:
        ours.append(searched(data, "--order", order, "--limit", "0"))
        theirs.append(ripgrep(data, order))
        found, others = ours[-1].found, theirs[-1].found
        if not found or sorted(found.splitlines()) != sorted(others.splitlines()):
            raise SystemExit(f"{order}: not the lines that rg found")
    return ours, theirs


def newest(small: Path, large: Path, rounds: int) -> tuple[list[Cost], list[Cost]]:
    """Give the costs of the newest 200 rejections of one symbol, in each archive."""
    words = ("--event", "OrderRejected", "--symbol", SYMBOLS[0], "--limit", "200")
    here, there = [], []
    for _ in range(rounds):
        here.append(searched(small, *words))
        there.append(searched(large, *words))
        if here[-1].found != there[-1].found or here[-1].found.count(b"\n") != 200:
            raise SystemExit("the newest 200 lines are not the same 200 in both archives")
    return here, there


def scans(data: Path, rounds: int) -> tuple[list[Cost], list[Cost]]:
    """Give our costs and ripgrep's for a text that is in no line: everything is inflated."""
    text = "no such text"
    both = [(searched(data, text, "--limit", "0"), ripgrep(data, text)) for _ in range(rounds)]
    return [ours for ours, _ in both], [theirs for _, theirs in both]


def linked(small: Path, large: Path, days: int) -> None:
    """Give the larger archive the hours of the smaller one, and again so many times before them.

    Where a search opened a file under an earlier day, it would give its lines twice.
    """
    source = Path(layout.log_archive(small))
    for path in source.rglob(f"{Module.OMS.value}-*"):
        hour = path.name[4:17]
        for back in range(days):
            day = date.fromisoformat(hour[:10]) - timedelta(days=back * APART_DAYS)
            name = f"{day.isoformat()}{hour[10:]}"
            folder = Path(layout.archived_log(large, Module.OMS, name, 1)).parent
            folder.mkdir(parents=True, exist_ok=True)
            os.link(path, folder / path.name.replace(hour, name))


def row(what: str, measured: str, target: str, met: bool | None) -> dict[str, object]:  # noqa: FBT001 -- a cell
    print(f"{what:52} {measured}")
    return {"what": what, "measured": measured, "target": target, "met": met}


def wall(costs: list[Cost]) -> float:
    return median(it.wall for it in costs)


def rows(small: Path, large: Path, gib: float, rounds: int) -> list[dict[str, object]]:
    ours, theirs = needles(small, orders(gib, rounds))
    here, there = newest(small, large, rounds)
    own, rg = scans(small, 2)
    faster, grown = wall(theirs) / wall(ours), wall(there) / wall(here)
    used, others = median(it.used for it in ours), median(it.used for it in theirs)
    return [
        row(
            f"an order's lines in {gib:g} GiB of archived logs, against rg -z",
            f"{faster:.1f} x ({wall(ours):.2f} s against {wall(theirs):.2f} s;"
            f" processor time {others / used:.0f} x)",
            f">= {NEEDLE_TARGET:g} x",
            faster >= NEEDLE_TARGET,
        ),
        row(
            f"newest 200 filtered, {TIMES * gib:g} GiB against {gib:g} GiB",
            f"{grown:.2f} x the time ({wall(there):.2f} s against {wall(here):.2f} s)",
            f"<= {NEWEST_TARGET:g} x",
            grown <= NEWEST_TARGET,
        ),
        row(
            f"a text that no line has, all of {gib:g} GiB, against rg -z",
            f"{wall(rg) / wall(own):.2f} x ({wall(own):.2f} s against {wall(rg):.2f} s)",
            "-",
            None,
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=SCALE, help="GiB of lines in the smaller one")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--dir", type=Path, help="a folder of the disk to be used")
    chosen = parser.parse_args()
    gib: float = chosen.gib
    if shutil.which("rg") is None:
        raise SystemExit("rg is not installed: apt-get install ripgrep")
    with tempfile.TemporaryDirectory(dir=chosen.dir) as folder:
        small, large = Path(folder, "small"), Path(folder, "large")
        count = hour_count(gib)
        made = make(small, hours(count), hour_size(gib))
        print(f"{made.lines:,} lines, {made.bytes / GIB:.3f} GiB")
        linked(small, large, TIMES)
        found = rows(small, large, gib, chosen.rounds)
    result = {
        "benchmark": "search",
        "how": f"{made.lines:,} generated OMS lines, {made.bytes / GIB:.2f} GiB in {count} hours"
        f", compressed {made.bytes / made.compressed:.1f} : 1 with their index; the larger archive"
        " has the same files five times more under earlier days; each search is a process of its"
        f" own, start and all; `rg -z` reads the same files; medians of {chosen.rounds} rounds that"
        " take turns",
        "rows": found,
    }
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    main()
