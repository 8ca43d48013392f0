"""Searching archived logs against ``rg -z`` over the same files, and against six times as many.

Lines as scribe writes them (orders that are placed, accepted, cancelled, filled, some rejected;
quotes; inventory), sealed by the hour and compressed as the platform does. ``--gib`` says how many
GiB of lines the smaller archive has; the larger one has six times as many, back in time.

A needle is one order's id: ``tapedeck search --order`` as a process of its own, start and all,
against ``rg -z`` for the same text over the same ``.gz`` files, in rounds that take turns. The
newest 200 lines of one event and symbol are searched in both archives, likewise as processes.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
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
SCALE = 0.125
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


def order_id(hour: int, number: int) -> str:
    return f"tdbench{hour:x}{number:06x}"


def write_hour(path: Path, hour: Hour, size: int) -> int:
    """Write about ``size`` bytes of OMS lines of one hour; give their number."""
    of_all = hour.start // HOUR_NS
    rng = random.Random(of_all)  # noqa: S311 -- the same lines every time
    count = size // ORDER_BYTES
    step_us = 3_599_000_000 // count
    seq = 0
    with path.open("w") as file:
        for number in range(count):
            symbol, order = rng.choice(SYMBOLS), order_id(of_all, number)
            at = number * step_us
            for level, event, fields in lifecycle(rng, number):
                seq += 1
                at = min(at + rng.randrange(max(2, step_us // 4)), 3_599_999_999)
                minute, micros = divmod(at, 60_000_000)
                ts = f"{hour.name}:{minute:02d}:{micros // 10**6:02d}.{micros % 10**6:06d}Z"
                file.write(HEAD % (ts, level, event, symbol, symbol, order))
                file.write(f",{fields}" + TAIL % seq)
    return seq


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


def timed(command: list[str]) -> tuple[float, bytes]:
    begun = perf_counter()
    done = subprocess.run(command, capture_output=True, check=False)
    took = perf_counter() - begun
    if done.returncode not in {0, 1}:
        raise SystemExit(done.stderr.decode())
    return took, done.stdout


def searched(data: Path, *words: str) -> tuple[float, bytes]:
    command = [sys.executable, "-m", "trading_runtime.cli.main", "search", "--data", str(data)]
    return timed([*command, *words])


def ripgrep(data: Path, text: str) -> tuple[float, bytes]:
    folder = str(layout.log_archive(data))
    return timed(["rg", "-z", "-I", "-N", "-F", "-g", "*.gz", text, folder])


def orders(gib: float, count: int) -> list[str]:
    """Give ids of orders from all over the archive."""
    rng = random.Random(1)  # noqa: S311 -- the same orders every time
    size = hour_size(gib)
    known = hours(hour_count(gib))
    return [
        order_id(rng.choice(known).start // HOUR_NS, rng.randrange(size // ORDER_BYTES))
        for _ in range(count)
    ]


def needles(data: Path, wanted: list[str]) -> tuple[list[float], list[float]]:
    """Give our seconds and ripgrep's for each order; both find the same lines."""
    ours, theirs = [], []
    for order in wanted:
        took, found = searched(data, "--order", order, "--limit", "0")
        ours.append(took)
        took, others = ripgrep(data, order)
        theirs.append(took)
        if not found or sorted(found.splitlines()) != sorted(others.splitlines()):
            raise SystemExit(f"{order}: not the lines that rg found")
    return ours, theirs


def newest(small: Path, large: Path, rounds: int) -> tuple[list[float], list[float]]:
    """Give seconds of the newest 200 rejections of one symbol, in each archive."""
    words = ("--event", "OrderRejected", "--symbol", SYMBOLS[0], "--limit", "200")
    here, there = [], []
    for _ in range(rounds):
        took, found = searched(small, *words)
        here.append(took)
        took, same = searched(large, *words)
        there.append(took)
        if found != same or found.count(b"\n") != 200:
            raise SystemExit("the newest 200 lines are not the same 200 in both archives")
    return here, there


def scans(data: Path, rounds: int) -> tuple[list[float], list[float]]:
    """Give our seconds and ripgrep's for a text that is in no line: everything is inflated."""
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(searched(data, "no such text", "--limit", "0")[0])
        theirs.append(ripgrep(data, "no such text")[0])
    return ours, theirs


def linked(small: Path, large: Path) -> None:
    """Give the larger archive the hours of the smaller one, which are its newest."""
    source = Path(layout.log_archive(small))
    for path in source.rglob("*.*"):
        target = Path(layout.log_archive(large)) / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, target)


def row(what: str, measured: str, target: str, met: bool | None) -> dict[str, object]:  # noqa: FBT001 -- a cell
    print(f"{what:52} {measured}")
    return {"what": what, "measured": measured, "target": target, "met": met}


def rows(small: Path, large: Path, gib: float, rounds: int) -> list[dict[str, object]]:
    ours, theirs = needles(small, orders(gib, rounds))
    here, there = newest(small, large, rounds)
    own, rg = scans(small, 2)
    faster, grown = median(theirs) / median(ours), median(there) / median(here)
    return [
        row(
            f"an order's lines in {gib:g} GiB of archived logs, against rg -z",
            f"{faster:.1f} x ({median(ours):.2f} s against {median(theirs):.2f} s)",
            f">= {NEEDLE_TARGET:g} x",
            faster >= NEEDLE_TARGET,
        ),
        row(
            f"newest 200 filtered, {TIMES * gib:g} GiB against {gib:g} GiB",
            f"{grown:.2f} x the time ({median(there):.2f} s against {median(here):.2f} s)",
            f"<= {NEWEST_TARGET:g} x",
            grown <= NEWEST_TARGET,
        ),
        row(
            f"a text that no line has, all of {gib:g} GiB, against rg -z",
            f"{min(rg) / min(own):.2f} x ({min(own):.2f} s against {min(rg):.2f} s)",
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
        make(large, hours(count * TIMES)[count:], hour_size(gib))
        linked(small, large)
        found = rows(small, large, gib, chosen.rounds)
    result = {
        "benchmark": "search",
        "how": f"{made.lines:,} generated OMS lines, {made.bytes / GIB:.2f} GiB in {count} hours"
        f" (asked for are 1 and 6 GiB: scaled by {gib:g}), compressed"
        f" {made.bytes / made.compressed:.1f} : 1 with their index; each search is a process of its"
        f" own, start and all; `rg -z` reads the same files; medians of {chosen.rounds} rounds that"
        " take turns",
        "rows": found,
    }
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    main()
