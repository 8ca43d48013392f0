"""From ``kill -9`` of a trading runtime to one that has reconciled and quotes again.

A simulated venue with its own flow, a runtime by the settings that ship, killed while its orders
rest and start anew, again and again on one data folder. The clock starts before the new process and
stops at the first order that the venue has accepted after the records were compared; orders whose
fate was not known meanwhile stay blocked. The stages are read from what the new session recorded:

 * process and recovery: interpreter, imports, settings, the venue's filters asked for, the last
   session closed and played from its last checkpoint;
 * session and lines: its beginning brought to disk; market data, requests and account connected;
 * records: orders, trades, account asked for and compared;
 * book: a snapshot joined with the stream;
 * signals: the mid watched for long enough, and the first order decided;
 * order: journaled, sent and accepted.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.rig import percentile, scratch
from trading_runtime.app.doorway import StatusAsked, ask
from trading_runtime.config import SHIPPED
from trading_runtime.errors import Refused
from trading_runtime.journal.folder import find_sessions
from trading_runtime.journal.reader import read_session
from trading_runtime.records.commands import PlaceOrder
from trading_runtime.records.envelope import decode_body
from trading_runtime.records.facts_market import BookSynced
from trading_runtime.records.facts_trading import OrderAccepted
from trading_runtime.records.facts_venue import Reconciled
from trading_runtime.records.inputs import ConnectionOpened, SessionOpened
from trading_runtime.records.units import NANOS_PER_SECOND

TAPEDECK = (sys.executable, "-m", "trading_runtime.cli.main")
ROUNDS = 20
TRADE_S = 2.0
WITHIN_S = 60.0
TARGET_S = 5.0
STAGES = ("process and recovery", "session and lines", "records", "book", "signals", "order")


@contextmanager
def simulator(folder: Path) -> Iterator[tuple[str, Path]]:
    """Run a venue; give its address and the file with the key."""
    process = subprocess.Popen(
        [*TAPEDECK, "simulator", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        told = json.loads(process.stdout.readline()) if process.stdout is not None else {}
        keys = folder / "keys.toml"
        keys.touch(mode=0o600)
        keys.write_text(f'key = "{told["api_key"]}"\nsecret = "{told["api_secret"]}"\n')
        yield f"http://127.0.0.1:{told['port']}", keys
    finally:
        process.terminate()
        process.wait()


def settings(folder: Path) -> Path:
    """Write the shipped settings, but for the share of lost answers, which each kill raises."""
    never = 'api_error_rate = { trigger = 1_000_000, clear = 900_000, response = "pause" }'
    path = folder / "settings.toml"
    path.write_text(re.sub(r"(?m)^api_error_rate = .*$", never, SHIPPED.read_text()))
    return path


def first_moments(folder: Path) -> dict[str, int]:
    """Give when each thing first happened in a session, engine time in nanoseconds."""
    at: dict[str, int] = {}
    placed: set[str] = set()
    for record in read_session(folder):
        body = decode_body(record.body)
        match body:
            case SessionOpened():
                at["recovered"] = body.wall_start
            case ConnectionOpened() if "records" not in at:
                at["lines"] = record.stamp.at
            case Reconciled():
                at.setdefault("records", record.stamp.at)
            case BookSynced():
                at.setdefault("book", record.stamp.at)
            case PlaceOrder():
                placed.add(body.order)
                at.setdefault("placed", record.stamp.at)
            case OrderAccepted() if body.order in placed:
                at["quotes"] = record.stamp.at
                return at
            case _:
                pass
    return at


def start(data: Path, path: Path, venue: tuple[str, Path]) -> "subprocess.Popen[str]":
    url, keys = venue
    return subprocess.Popen(
        [
            *(*TAPEDECK, "run", "--data", str(data), "--settings", str(path)),
            *("--venue-url", url, "--keys", str(keys)),
        ],
        stdout=subprocess.DEVNULL,
        text=True,
    )


def await_quotes(data: Path, process: "subprocess.Popen[str]") -> None:
    """Wait until the runtime says that it has orders out and is held by nothing."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"the runtime ended with {process.returncode}")
        time.sleep(0.05)
        try:
            status = ask(data, StatusAsked()).status
        except Refused:
            continue
        if status is not None and all(m.open_orders and not m.held for m in status.markets):
            return
    raise SystemExit("the runtime does not quote")


def stages(began: int, at: dict[str, int]) -> dict[str, float]:
    """Split one restart, seconds; what runs side by side goes to whatever ended last."""
    ends = ("recovered", "lines", "records", "book", "placed", "quotes")
    spent, last = {}, began
    for stage, end in zip(STAGES, ends, strict=True):
        spent[stage] = max(at[end] - last, 0) / NANOS_PER_SECOND
        last = max(last, at[end])
    return spent


def measure(rounds: int, trade_s: float) -> list[dict[str, float]]:
    """Kill after ``trade_s`` of trading and start, ``rounds`` times; give each restart's stages."""
    found = []
    with scratch() as name, simulator(Path(name)) as venue:
        folder = Path(name)
        data, path = folder / "data", settings(folder)
        for number in range(rounds + 1):
            began = time.time_ns()
            process = start(data, path, venue)
            try:
                await_quotes(data, process)
                time.sleep(trade_s)
            finally:
                process.kill()
                process.wait()
            if number:
                found.append(stages(began, first_moments(find_sessions(data)[-1])))
                print(f"  {number}: {sum(found[-1].values()):.2f} s {found[-1]}", flush=True)
    return found


def result(found: list[dict[str, float]]) -> dict[str, object]:
    totals = [sum(each.values()) for each in found]
    worst = max(totals)
    split = ", ".join(
        f"{stage} {percentile([each[stage] for each in found], 0.5) * 1e3:.0f}" for stage in STAGES
    )
    measured = (
        f"p50 {percentile(totals, 0.5):.2f}, p99 {percentile(totals, 0.99):.2f}, "
        f"max {worst:.2f} s (medians in ms: {split})"
    )
    return {
        "benchmark": "restart",
        "how": (
            f"{len(found)} times `kill -9` of a runtime that trades on the simulator by the shipped"
            " settings, on one data folder; from before the new process to the first order that the"
            " venue accepted after orders, trades and account were compared."
        ),
        "rows": [
            {
                "what": "restart after kill -9 to reconciled and quoting",
                "measured": measured,
                "target": f"<= {TARGET_S:g} s",
                "met": worst <= TARGET_S,
            }
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--trade", type=float, default=TRADE_S, metavar="SECONDS")
    arguments = parser.parse_args()
    print(json.dumps(result(measure(arguments.rounds, arguments.trade))))


if __name__ == "__main__":
    main()
