"""Takes an hour again and again, and ends each time as ``kill -9`` would.

``python -m tests.data_platform.assets.ticks.crashing FOLDER SEED ROUNDS``. Each round has a folder
of its own: minutes, crashes, a run; then a late minute, crashes, a run. What is published must be
byte for byte what an undisturbed run has published. A child dies at one of the calls that touch the
file system, or is killed from outside at some moment, or two run at once and one of them dies. It
is a process of its own, so that each child is a cheap fork of one that has loaded all.
"""

import os
import random
import select
import shutil
import signal
import sys
from pathlib import Path
from typing import NamedTuple, NoReturn

from tests.data_platform.assets.ticks.chain import files, lake_root, take_all
from tests.store.lake_rows import Row, depth_rows, seal, trade_rows, write_minutes
from trading_runtime.records.lake_schema import DEPTH, TICKER, TRADES
from trading_runtime.store import durable, manifest

TOUCHES = frozenset({"open", "os.rename", "os.link", "os.remove", "os.mkdir", "shutil.rmtree"})
MOMENT_MAX_S = 1.0


class Recorded(NamedTuple):
    """The minutes of an hour as scribe wrote them at first, and with what came late."""

    early: Path
    late: Path


class Expected(NamedTuple):
    early: dict[str, str]
    late: dict[str, str]
    touches: int


def record(folder: Path) -> Recorded:
    btc = depth_rows(250, step_ns=6 * 10**8)
    eth = depth_rows(120, symbol="ETHUSDC", seed=2, step_ns=6 * 10**8)
    late = {row["seq"] for row in btc[300:330]}
    paths = Recorded(folder / "early", folder / "late")
    for path, held in ((paths.early, late), (paths.late, set())):
        kept: list[Row] = [row for row in btc if row["seq"] not in held]
        both = sorted([*kept, *eth], key=lambda row: int(str(row["ts_recv"])))
        write_minutes(path, DEPTH, both)
        write_minutes(path, TRADES, trade_rows(150))
        seal(path, TICKER)
    return paths


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def die_at_touch(number: int) -> None:
    left = number

    def hook(event: str, _args: tuple[object, ...]) -> None:
        nonlocal left
        if event in TOUCHES:
            left -= 1
            if left == 0:
                die()

    sys.addaudithook(hook)


def count_touches(data: Path) -> int:
    """Run undisturbed in a child; give how often it touched the file system."""
    read, write = os.pipe()
    if os.fork() == 0:
        count = 0

        def hook(event: str, _args: tuple[object, ...]) -> None:
            nonlocal count
            count += event in TOUCHES

        sys.addaudithook(hook)
        take_all(data)
        os.write(write, count.to_bytes(4, "big"))
        os._exit(0)
    os.wait()
    return int.from_bytes(os.read(read, 4), "big")


def child(data: Path, touch: int) -> int:
    """Start a run that dies at a touch, or at none if it is 0; give its process."""
    pid = os.fork()
    if pid:
        return pid
    if touch:
        die_at_touch(touch)
    try:
        take_all(data)
    except Exception:  # noqa: BLE001 -- one of two at once may find the other's hand in its work
        os._exit(1)
    os._exit(0)


def crash(data: Path, rng: random.Random, touches: int) -> int:
    """Run once in one of three ways; give how many were killed."""
    kind = rng.choice(("touch", "touch", "moment", "two"))
    if kind == "touch":
        pids = [child(data, rng.randrange(1, touches))]
    else:
        pids = [child(data, 0) for _ in range(2 if kind == "two" else 1)]
        # A wait with a bound: the child may end before its moment comes.
        select.select([os.pidfd_open(pids[0])], [], [], rng.uniform(0, MOMENT_MAX_S))
        os.kill(pids[0], signal.SIGKILL)
    ended = [os.waitpid(pid, 0)[1] for pid in pids]
    if kind == "touch" and any(os.waitstatus_to_exitcode(it) == 1 for it in ended):
        sys.exit("a run alone failed after a crash")
    return sum(os.WIFSIGNALED(it) for it in ended)


def copy_minutes(source: Path, data: Path) -> None:
    """Bring minutes as scribe does: each file whole, its marker last."""
    for path in sorted(source.rglob("*"), key=lambda it: it.name == "_sealed.json"):
        if path.is_file():
            durable.write(data / path.relative_to(source), path.read_bytes())


def check(data: Path, wanted: dict[str, str]) -> None:
    if (found := files(data)) != wanted:
        sys.exit(f"{data}: published {found}, not {wanted}")
    root = lake_root(data)
    left = [str(it) for it in root.rglob(f"{durable.TEMPORARY}*")]
    stale = [it for it in found if not manifest.is_current(root / it)]
    if left or stale:
        sys.exit(f"{data}: left {left}, without a manifest {stale}")


def expected(folder: Path, recorded: Recorded) -> Expected:
    data = folder / "undisturbed"
    copy_minutes(recorded.early, data)
    touches = count_touches(data)
    early = files(data)
    copy_minutes(recorded.late, data)
    take_all(data)
    return Expected(early, files(data), touches)


def trial(data: Path, recorded: Recorded, wanted: Expected, rng: random.Random) -> int:
    killed = 0
    for source, files_wanted in ((recorded.early, wanted.early), (recorded.late, wanted.late)):
        copy_minutes(source, data)
        for _ in range(rng.randrange(1, 3)):
            killed += crash(data, rng, wanted.touches)
        take_all(data)
        check(data, files_wanted)
    return killed


def main() -> None:
    folder, seed, rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    rng = random.Random(seed)  # noqa: S311 -- a seeded test
    recorded = record(folder)
    wanted = expected(folder, recorded)
    killed = 0
    for number in range(rounds):
        data = folder / str(number)
        killed += trial(data, recorded, wanted, rng)
        shutil.rmtree(data)
    sys.stdout.write(f"{killed}\n")


if __name__ == "__main__":
    main()
