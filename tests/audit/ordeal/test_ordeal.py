"""Kills, failing calls and power cuts: no entry is missing that a producer holds a receipt for.

After each the service is started again without any, and has to finish; then the second verifier
looks at everything, and each receipt that was ever seen has to hold.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.audit.ordeal.taking import ENTRIES, ORIGIN, begin, receipts
from tests.audit.witness.serving import serving
from tests.journal.disks import LoopDisk, loop_disk
from trading_runtime.audit.keys import WITNESS, key_path, read_key
from trading_runtime.audit.sequencer.believed import believed
from trading_runtime.audit.witness.witness import Witness
from trading_runtime.evidence import entry, layout, receipt
from trading_runtime.evidence.frames import FrameReader
from trading_runtime.evidence.receipt import Receipt

ROOT = Path(__file__).parents[3]
PROGRAM = (sys.executable, "-B", "-m", "tests.audit.ordeal.taking")
WITHIN_S = 180
CALLS = ("write", "pwrite64", "fsync", "fdatasync", "rename", "ftruncate", "unlink")
FAULTS = ("signal=SIGKILL", "error=EIO", "error=ENOSPC")
SAMPLE = (
    *(("write", place) for place in (0.4, 0.9)),
    *(("fsync", place) for place in (0.3, 0.7)),
    *(("fdatasync", place) for place in (0.2, 0.6)),
    *(("rename", place) for place in (0.5, 0.8)),
    ("pwrite64", 0.7),
)
CUTS = 4
SOAK_CUTS = 40


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("begun") / "data"
    begin(data)
    return data


@pytest.fixture(scope="module")
def counts(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> Counter[str]:
    """Give how often a run without faults makes each call."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: a fault cannot be placed at a system call")
    folder = tmp_path_factory.mktemp("counted")
    scene = Scene(folder, begun)
    told = folder / "calls"
    with scene.witnessed() as url:
        done = scene.run(
            url, "strace", "-f", "-qq", "-o", str(told), "-e", f"trace={','.join(CALLS)}"
        )
    if done.returncode:
        pytest.skip(f"strace may not trace here: {done.stderr.decode()}")
    scene.check([])
    return Counter(re.findall(r"^\d+ +(\w+)\(", told.read_text(), re.MULTILINE))


class Scene:
    """A copy of a log that was begun, and its witness, which stands elsewhere."""

    def __init__(self, folder: Path, begun: Path, disk: Path | None = None) -> None:
        self.folder = folder
        self.data = (disk or folder) / "data"
        shutil.copytree(begun, self.data)
        self.audit = self.data / "audit"
        self.trusted = believed(self.audit)[0]
        self.key = read_key(key_path(self.audit, WITNESS))

    def witnessed(self) -> "serving":  # type: ignore[valid-type]  # a context manager of a function
        logs = {ORIGIN: self.trusted.trust}
        return serving(Witness(self.folder / "witness", logs, self.key, lambda _: None))

    def run(self, url: str, *before: str) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [*before, *PROGRAM, str(self.data), url],
            cwd=ROOT,
            capture_output=True,
            timeout=WITHIN_S,
            check=False,
        )

    def finish(self, url: str) -> None:
        done = self.run(url)
        assert done.returncode == 0, done.stderr.decode()

    def check(self, seen: list[Receipt]) -> None:
        """Check that all is there once, that the receipts hold, and that the verifier agrees."""
        log = layout.log_folder(self.audit)
        reader = FrameReader(log, ORIGIN)
        entries = list(reader.entries(0, reader.size))
        read = [entry.read(data).producer for data in entries]
        numbers = [it.seq for it in read if it.id == "runtime"]
        assert numbers == list(range(1, ENTRIES + 3))
        for found in seen:
            receipt.verify(found, entries[found.index], *self.trusted)
        done = subprocess.run(
            [
                *(sys.executable, ROOT / "tools" / "audit_verify.py", self.audit),
                *("--archive", self.data / "archive"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "integrity: ok" in done.stdout, done.stdout + done.stderr
        assert "completeness: ok" in done.stdout, done.stdout + done.stderr


def suffer(scene: Scene, call: str, number: int, fault: str) -> None:
    with scene.witnessed() as url:
        scene.run(
            url,
            *("strace", "-f", "-qq", "-o", "/dev/null"),
            *("-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={number}"),
        )
        seen = receipts(scene.data)
        scene.finish(url)
    scene.check(seen)


@pytest.mark.parametrize(("call", "place"), SAMPLE)
def test_a_fault_at_a_call_loses_no_receipted_entry(
    tmp_path: Path, begun: Path, counts: Counter[str], call: str, place: float
) -> None:
    number = max(1, round(counts[call] * place))
    fault = FAULTS[(number + len(call)) % len(FAULTS)]
    suffer(Scene(tmp_path, begun), call, number, fault)


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", CALLS)
def test_faults_at_every_call_lose_no_receipted_entry(
    tmp_path: Path, begun: Path, counts: Counter[str], call: str, fault: str
) -> None:
    for number in range(1, counts[call] + 1):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            suffer(Scene(folder, begun), call, number, fault)
        except AssertionError as error:
            raise AssertionError(f"{call} number {number}, {fault}: {error}") from error
        shutil.rmtree(folder)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[LoopDisk]:
    with loop_disk(tmp_path) as disk:
        yield disk


def cut_power(folder: Path, disk: LoopDisk, begun: Path, after_s: float) -> None:
    """Cut the power some time after the first receipt, and start again."""
    scene = Scene(folder, begun, disk.root)
    os.sync()
    seen: list[Receipt] = []
    with scene.witnessed() as url:
        child = subprocess.Popen(
            [*PROGRAM, str(scene.data), url],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            deadline = monotonic() + WITHIN_S
            while not seen and child.poll() is None and monotonic() < deadline:
                seen = receipts(scene.data)
            until = monotonic() + after_s
            while monotonic() < until:
                seen += [it for it in receipts(scene.data) if it not in seen]
                sleep(0.0005)
            disk.cut_power()
        finally:
            # Whatever happened: a process on the disk would keep it mounted for ever.
            child.send_signal(signal.SIGKILL)
            child.wait()
        disk.unmount()
        disk.mount()
        scene.finish(url)
    scene.check(seen)
    shutil.rmtree(scene.data)


@pytest.mark.parametrize("number", range(CUTS))
def test_a_power_cut_loses_no_receipted_entry(
    tmp_path: Path, disk: LoopDisk, begun: Path, number: int
) -> None:
    cut_power(tmp_path, disk, begun, 0.01 + number * 0.06)


@pytest.mark.soak
@pytest.mark.parametrize("number", range(SOAK_CUTS))
def test_many_power_cuts_lose_no_receipted_entry(
    tmp_path: Path, disk: LoopDisk, begun: Path, number: int
) -> None:
    cut_power(tmp_path, disk, begun, 0.001 + number * 0.011)
