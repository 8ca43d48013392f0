"""One supervisor a folder, and whoever holds it can be asked to stop."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from trading_runtime.cli.runlock import RunLock, holder_of, stop_holder
from trading_runtime.errors import Refused

ROOT = Path(__file__).parents[2]
HOLDER = """
import signal, sys
from pathlib import Path
from trading_runtime.cli.runlock import RunLock
if len(sys.argv) > 2:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with RunLock(Path(sys.argv[1])):
    print("held", flush=True)
    signal.pause()
"""


def hold(run: Path, *options: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(run), *options],
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    with process.stdout as out:
        assert out.readline() == "held\n"
    return process


def test_nobody_holds_a_folder_that_was_never_used(tmp_path: Path) -> None:
    assert holder_of(tmp_path / "run") is None
    assert asyncio.run(stop_holder(tmp_path / "run", 1.0)) is None


def test_nobody_holds_a_folder_after_its_holder_left(tmp_path: Path) -> None:
    with RunLock(tmp_path / "run"):
        pass
    assert holder_of(tmp_path / "run") is None


def test_the_holder_is_named_and_can_be_stopped(tmp_path: Path) -> None:
    process = hold(tmp_path / "run")
    assert holder_of(tmp_path / "run") == process.pid
    with pytest.raises(Refused, match=f"process {process.pid}"), RunLock(tmp_path / "run"):
        pass
    assert asyncio.run(stop_holder(tmp_path / "run", 60.0)) == process.pid
    assert process.wait(60) == -signal.SIGTERM
    assert holder_of(tmp_path / "run") is None


def test_a_holder_that_does_not_stop_is_said_to_be_there(tmp_path: Path) -> None:
    process = hold(tmp_path / "run", "deaf")
    try:
        with pytest.raises(Refused, match=r"has not stopped within 0.3 s"):
            asyncio.run(stop_holder(tmp_path / "run", 0.3))
    finally:
        process.kill()
        process.wait()
