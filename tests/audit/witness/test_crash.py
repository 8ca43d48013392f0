"""A witness that dies anywhere between a request and its answer: nothing answered is forgotten."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from urllib.error import URLError

import pytest

from tests.audit.witness.serving import Process, add, serving
from tests.audit.witness.small_log import SmallLog
from tests.audit.witness.test_history import whole
from tests.journal.disks import LoopDisk, loop_disk
from trading_runtime.audit.witness import request
from trading_runtime.audit.witness.request import Request
from trading_runtime.audit.witness.witness import Witness
from trading_runtime.errors import Halt
from trading_runtime.evidence import checkpoint

KILLS = 3
WRITES = ("pwrite64", "fdatasync", "openat", "write", "fsync", "rename", "fsync:2")
"""What an answer costs, in this order; the second fsync is that of the folder."""


@contextmanager
def injected(pid: int, what: str) -> Iterator[None]:
    """Let ``strace`` do something to the main thread of a process from now on."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: no call can be made to fail")
    tracer = subprocess.Popen(
        ["strace", "-p", str(pid), "-o", "/dev/null", "-e", f"inject={what}"],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert tracer.stderr is not None
        said = tracer.stderr.readline()
        if "attached" not in said:
            pytest.skip(f"no process can be traced here: {said.strip()}")
        yield
    finally:
        tracer.terminate()
        tracer.communicate()


def after(call: str) -> str:
    """Give the expression for the nth call of a kind."""
    name, _, number = call.partition(":")
    return f"{name}:{{}}:when={number or 1}"


@pytest.fixture
def log(tmp_path: Path) -> SmallLog:
    return SmallLog(tmp_path / "audit")


def answered(url: str, body: bytes) -> int | None:
    """Give the status, None where the connection ended without one."""
    try:
        return add(url, body).status
    except (URLError, ConnectionError):
        return None


def size_of(log: SmallLog, folder: Path) -> int:
    """Start a witness on ``folder``, let it go on, and give the size that it knew."""
    with serving(Witness(folder, {log.origin: log.trust}, log.witness_key, print)) as url:
        known = int(add(url, request.write(Request(90, (), log.note(90)))).body)
        assert add(url, log.body(known, 90)).status == 200
    (memory,) = (path.parent for path in folder.glob("*/history"))
    sizes = [checkpoint.unverified(note)[0].size for note in whole(memory)]
    assert sizes == sorted(set(sizes))
    return known


@pytest.mark.parametrize("call", [*WRITES, "sendto"])
def test_killed_at_a_call_it_has_forgotten_nothing_that_it_answered(
    tmp_path: Path, log: SmallLog, call: str
) -> None:
    process = Process(tmp_path)
    assert answered(process.url, log.body(0, 5)) == 200
    with injected(process.pid, after(call).format("signal=KILL")):
        assert answered(process.url, log.body(5, 9)) is None
        code, _ = process.end()
    assert code == -signal.SIGKILL
    known = size_of(log, tmp_path / "audit" / "witness")
    assert known == (5 if call == "pwrite64" else 9)


@pytest.mark.parametrize(
    ("call", "error"), list(zip(WRITES, cycle(("ENOSPC", "EIO")), strict=False))
)
def test_after_a_write_that_failed_it_answers_nothing_more(
    tmp_path: Path, log: SmallLog, call: str, error: str
) -> None:
    process = Process(tmp_path)
    assert answered(process.url, log.body(0, 5)) == 200
    with injected(process.pid, after(call).format(f"error={error}")):
        assert answered(process.url, log.body(5, 9)) == 500
        code, errors = process.end()
    assert code == 1
    assert "cannot remember" in errors
    assert size_of(log, tmp_path / "audit" / "witness") in (5, 9)


def test_a_power_cut_after_an_answer_loses_nothing(tmp_path: Path, log: SmallLog) -> None:
    with loop_disk(tmp_path) as disk:
        folder = disk.root / "witness"
        witness = Witness(folder, {log.origin: log.trust}, log.witness_key, print)
        with pytest.raises(Halt, match="cannot remember"), serving(witness) as url:
            cut_after(disk, url, log)
        disk.unmount()
        disk.mount()
        assert size_of(log, folder) == 9


def cut_after(disk: LoopDisk, url: str, log: SmallLog) -> None:
    assert answered(url, log.body(0, 5)) == 200
    assert answered(url, log.body(5, 9)) == 200
    disk.cut_power()
    assert answered(url, log.body(9, 12)) == 500


def test_killed_again_and_again_it_never_goes_back(tmp_path: Path, log: SmallLog) -> None:
    known = 0
    for _ in range(KILLS):
        process = Process(tmp_path)
        assert int(add(process.url, request.write(Request(90, (), log.note(90)))).body) == known
        for _ in range(3):
            assert answered(process.url, log.body(known, known + 1)) == 200
            known += 1
        process.end(signal.SIGKILL)
    assert size_of(log, tmp_path / "audit" / "witness") == known
