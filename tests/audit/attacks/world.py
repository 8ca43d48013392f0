"""A log that is kept by real processes, each as a user of its own.

Users are numbers that nobody else has. Where we are not root, or no interpreter can be run by
others, all processes are ours; what concerns the users is skipped then.
"""

import base64
import contextlib
import datetime as dt
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Self

from tests.audit.attacks.forging import Forgery, Made, Signer
from trading_runtime.audit.keys import Charter, init, keep_key, key_path, producer_name
from trading_runtime.clock import wall_ns
from trading_runtime.evidence.notes import Kind, SigningKey, Vkey
from trading_runtime.evidence.trust import Roles

ROOT = Path(__file__).parents[3]
ORIGIN = "desk.example/audit"
PERIOD_S = 2
PRODUCERS = ("desk", "runtime")
WITNESSES = ("w1", "w2")
USERS = {
    "desk": 61_001, "runtime": 61_002, "log": 61_003, "w1": 61_004, "w2": 61_005, "archive": 61_006,
}  # fmt: skip
COLD_GROUP = 61_100  # the archive writes what the log's next digest is to name; the log removes it
WAIT_S = 120.0


def interpreters() -> Iterator[Path]:
    """Interpreters of our version, ours first."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for place in (sys.executable, sys.base_prefix + "/bin/python3", f"/usr/bin/{version}"):
        if Path(place).exists():
            yield Path(place)


def runs_as(interpreter: Path, user: int) -> bool:
    try:
        ran = subprocess.run(
            [interpreter, "-c", "import msgspec, trading_runtime.audit.run"],
            user=user, group=user, extra_groups=[], env=environment(), cwd="/",
            capture_output=True, check=False, timeout=60,
        )  # fmt: skip
    except OSError:
        return False
    return ran.returncode == 0


def environment() -> dict[str, str]:
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{packages}:{ROOT}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@functools.cache
def foreign_interpreter() -> Path | None:
    """An interpreter that another user can run; None where there is none, or we are not root."""
    if os.geteuid() != 0:
        return None
    return next((each for each in interpreters() if runs_as(each, USERS["log"])), None)


def until(what: Callable[[], bool], told: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not what():
        if time.monotonic() > deadline:
            raise AssertionError(f"{told}: not within {WAIT_S} s")
        time.sleep(0.01)


class World:
    """Folders, keys and processes of one log. Use it in a ``with`` statement."""

    def __init__(self, period_s: int = PERIOD_S) -> None:
        self.python = foreign_interpreter()
        self.apart = self.python is not None
        self.root = Path(tempfile.mkdtemp(prefix="audit-"))
        self.root.chmod(0o755)
        self.audit, self.archive = self.root / "audit", self.root / "archive"
        self.running: dict[str, subprocess.Popen[str]] = {}
        self.urls: dict[str, str] = {}
        self.period_s = period_s
        self.pin = ""
        self.told = 0

    def __enter__(self) -> Self:
        witnesses = [self._witness_key(name) for name in WITNESSES]
        roles = Roles(producer="desk", log="log", witness="w1", archive="archive", watch="watch")
        charter = Charter(
            origin=ORIGIN, roles=roles, producers=PRODUCERS, witnesses=tuple(witnesses),
            period_s=self.period_s,
        )  # fmt: skip
        self.pin = init(self.audit, charter, wall_ns())
        self._hand_out()
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.running):
            self.kill(name)
        shutil.rmtree(self.root)

    # Folders

    def _witness_key(self, name: str) -> tuple[str, Vkey, str]:
        home = self.root / name
        home.mkdir()
        key = SigningKey.generate(f"{name}.example", Kind.COSIGNATURE)
        keep_key(key_path(home / "audit", "witness"), key)
        return name, key.vkey, ""

    def _hand_out(self) -> None:
        """Give each user what is its own; trust.json and policy stay root's."""
        audit = self.audit
        for name in PRODUCERS:
            for place in (audit / "wal" / name, self.root / name):
                place.mkdir(parents=True)
            key_path(audit, producer_name(name)).rename(self.root / name / "key")
        for place in ("log", "receipts", "sequencer", "diary", "outbox"):
            (audit / place).mkdir(exist_ok=True)
        (audit / "cold").mkdir()
        self.archive.mkdir()
        if not self.apart:
            return
        own(self.root / "archive", "archive")
        own(audit, "log")
        os.chown(audit / "trust", 0, 0)
        for path in (audit / "trust").iterdir():
            os.chown(path, 0, 0)
        os.chown(audit / "wal", 0, 0)
        for name in PRODUCERS:
            own(audit / "wal" / name, name)
            own(self.root / name, name)
        for name in WITNESSES:
            own(self.root / name, name)
        os.chown(audit / "cold", USERS["archive"], COLD_GROUP)
        (audit / "cold").chmod(0o2770)

    # Processes

    def start(self, name: str, module: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a process as its user, and wait until it says that it is ready."""
        command = [str(self.python or sys.executable), "-m", module, *arguments]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env=environment(), **self.user(name),
        )  # fmt: skip
        self.running[name] = process
        return process

    def user(self, name: str) -> dict[str, object]:
        if not self.apart:
            return {}
        groups = [COLD_GROUP] if name in ("log", "archive") else []
        return {"user": USERS[name], "group": USERS[name], "extra_groups": groups}

    def witness(self, name: str) -> None:
        home = self.root / name
        process = self.start(
            name, "trading_runtime.cli.main", "witness", "--data", str(home),
            "--trust", str(self.audit / "trust"),
        )  # fmt: skip
        lines = said(process.stdout)
        self.urls[name] = next(line for line in lines if "http://" in line).split(" on ")[1]

    def log(self, *, rebuild: bool = False) -> None:
        """Start the sequencer; with ``rebuild`` it makes its index anew."""
        urls = [f"{name}={url}" for name, url in self.urls.items()]
        urls += ["--rebuild"] * rebuild
        process = self.start("log", "tests.audit.attacks.roles", "log", str(self.audit), *urls)
        said(process.stdout)

    def producer(self, name: str) -> None:
        process = self.start(
            name, "tests.audit.attacks.roles", "producer", str(self.audit), name,
            str(self.root / name / "key"),
        )  # fmt: skip
        said(process.stdout)

    def tell(self, name: str, *acts: dict[str, object]) -> None:
        """Let a producer record what happened; return when it is on its disk."""
        process = self.running[name]
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(acts) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "kept\n"
        self.told += len(acts)

    def copy_cold(self) -> None:
        process = self.start(
            "archive", "tests.audit.attacks.roles", "archive", str(self.audit), str(self.archive)
        )
        self.ended("archive", process)

    def stop(self, name: str) -> None:
        process = self.running[name]
        if name in PRODUCERS:
            assert process.stdin is not None
            process.stdin.close()
        else:
            process.terminate()
        self.ended(name, process)

    def heard(self, name: str, text: str) -> bool:
        """Whether the next thing that a process says is this."""
        stream = self.running[name].stdout
        return stream is not None and text in stream.readline()

    def ended(self, name: str, process: subprocess.Popen[str]) -> None:
        assert process.wait(WAIT_S) == 0
        self._forget(name)

    def kill(self, name: str) -> None:
        process = self.running[name]
        process.send_signal(signal.SIGKILL)
        process.wait()
        self._forget(name)

    def _forget(self, name: str) -> None:
        process = self.running.pop(name)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    # What is there

    def size(self) -> int:
        """Entries that are published and witnessed."""
        try:
            return int((self.audit / "log/checkpoint").read_bytes().split(b"\n")[1])
        except FileNotFoundError:
            return 0

    def digests(self) -> int:
        return len(list((self.audit / "log/digests").glob("*.note")))

    def settled(self) -> None:
        """Wait until all that producers were told is published."""
        until(self._is_settled, f"{self.told} acts in a witnessed checkpoint")

    def _is_settled(self) -> bool:
        forgery = self.forgery()
        values = [json.loads(data) for data in forgery.entries[: self.size()]]
        acts = [each for each in values if each["eventType"].startswith(("Order", "Parameter"))]
        return len(acts) == self.told and self.size() == len(forgery.entries)

    def digested(self) -> None:
        """Wait until a digest closes what is published."""
        size = self.size()
        until(lambda: self.forgery().closed() >= size, f"a digest of {size} entries")

    def digested_again(self) -> None:
        """Wait for one more digest, which names what the cold copy was given."""
        count = self.digests() + 1
        until(lambda: self.digests() >= count, f"digest {count}")

    def forgery(self) -> Forgery:
        keys = self.audit / "keys"
        producers = {name: signer(self.root / name / "key") for name in PRODUCERS}
        producers["log"] = signer(keys / "producer-log.key")
        witnesses = [signer(key_path(self.root / name / "audit", "witness")) for name in WITNESSES]
        return Forgery(
            self.audit, self.archive, ORIGIN, signer(keys / "log.key"), signer(keys / "digest.key"),
            witnesses, producers,
        ).load()  # fmt: skip

    def made(self) -> Made:
        """The log as it stands, with all its keys, at a time when it is fresh."""
        forgery = self.forgery()
        end = dt.datetime.fromisoformat(str(forgery.digests[-1]["periodEnd"]))
        closed = end + dt.timedelta(seconds=0.2 * self.period_s)
        seen = self.cosigned() + dt.timedelta(seconds=0.9 * self.period_s)
        return Made(forgery, self.pin, min(closed, seen))

    def cosigned(self) -> dt.datetime:
        """When a witness cosigned the published checkpoint: u64 seconds behind the key id."""
        lines = (self.audit / "log/checkpoint").read_text().rstrip("\n").split("\n")
        data = base64.b64decode(lines[-1].split(" ")[2])
        return dt.datetime.fromtimestamp(int.from_bytes(data[4:12], "big"), dt.UTC)


def signer(path: Path) -> Signer:
    """A key from its file: ``PRIVATE+KEY+<name>+<id>+<base64 of kind and seed>``."""
    _, _, name, _, material = path.read_text().rstrip("\n").split("+", 4)
    raw = base64.b64decode(material)
    return Signer(name, raw[0], raw[1:])


def own(place: Path, name: str) -> None:
    """Give a folder and all below to a user."""
    for path in (place, *place.rglob("*")):
        os.chown(path, USERS[name], USERS[name])


def said(stream: IO[str] | None) -> list[str]:
    """Lines of a process until it is ready."""
    assert stream is not None
    lines = []
    for line in stream:
        lines.append(line.rstrip("\n"))
        if lines[-1] == "ready":
            return lines
    raise AssertionError(f"it ended, and said {lines}")


def order(number: int, count: int) -> list[dict[str, object]]:
    """What happens to an order, as a service tells it."""
    states = ("Submitted", "Accepted", "Filled", "Cancelled")
    return [
        {
            "event_type": f"Order{states[at % 4]}",
            "operation": "place",
            "entity_id": f"order:{number:04d}",
            "user_id": "anna",
            "client_ip": "10.0.0.7",
            "after_state": {"state": states[at % 4], "price": 100 + at},
            "request_data": {"symbol": "BTCUSDT"},
        }
        for at in range(count)
    ]


def lived(world: World) -> Made:
    """A few periods of a log: two producers, two boots of one, a large value, two cold copies."""
    for name in WITNESSES:
        world.witness(name)
    world.log()
    for name in PRODUCERS:
        world.producer(name)
    for number in range(20):
        world.tell("runtime", *order(number, 4))
    world.tell("desk", *order(100, 2))
    world.stop("desk")
    world.settled()
    world.digested()
    world.copy_cold()
    world.producer("desk")
    large = {
        "event_type": "ParameterChanged",
        "operation": "change",
        "entity_id": "user:anna",
        "request_data": {"text": "x" * 70_000},
    }
    world.tell("desk", large)
    for number in range(20, 65):
        world.tell("runtime", *order(number, 4))
    world.settled()
    world.digested()
    world.copy_cold()
    world.digested_again()
    world.tell("runtime", *order(65, 4))
    world.settled()
    for name in (*PRODUCERS, "log", *WITNESSES):
        world.stop(name)
    world.copy_cold()
    return world.made()
