"""A desk as an operator sets it up: each role its own folder and user, and nothing but commands.

Users are numbers that nobody else has. Where we are not root, or no interpreter can be run by
others, all processes are ours.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Self

from tests.audit.attacks.world import ROOT, environment, foreign_interpreter
from tests.servers.nats import free_port
from trading_runtime.config import SHIPPED
from trading_runtime.journal.folder import find_sessions
from trading_runtime.journal.reader import read_session
from trading_runtime.records.envelope import decode_body
from trading_runtime.records.observations import AuditRefused

ORIGIN = "desk.example/tape"
USERS = {"desk": 61_021, "log": 61_022, "w1": 61_023, "watch": 61_024}
PERIOD_S = 4
TRADED_S = 12
"""Of generated flow: enough for orders that are placed, filled and cancelled."""
LAST = "ServiceStopped"
"""The type of a session's last entry."""
WAIT_S = 120.0
READY = "ready"


class Done(NamedTuple):
    code: int
    out: str
    err: str


def until(what: Callable[[], bool], told: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < deadline, f"{told}: not within {WAIT_S} s"
        time.sleep(0.02)


def settings_text(audit: Mapping[str, object]) -> str:
    """Give the shipped settings with another ``[audit]``; JSON's values here are TOML's too."""
    before, _, rest = SHIPPED.read_text().partition("[audit]")
    _, _, after = rest.partition("\n[flow]")
    fast = {"checkpoint_interval_ns": 200_000_000, "digest_period_s": PERIOD_S}
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in (fast | audit).items())
    text = f"{before}[audit]\n{lines}\n[flow]{after}"
    tomllib.loads(text)
    return text


class Premises:
    """Folders, settings and processes of one log. Use it in a ``with`` statement.

    ``desk`` holds the journals and their relay, ``log`` the log with the watch's own folder in it,
    ``w1`` the witness. After :meth:`share` the desk's producers write where the log reads.
    """

    def __init__(self, servers: Mapping[str, str] | None = None) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="audit-"))
        self.root.chmod(0o755)
        self.desk, self.log, self.w1 = (self.root / name for name in ("desk", "log", "w1"))
        self.python = foreign_interpreter()
        self.running: dict[str, subprocess.Popen[str]] = {}
        self.extra = dict(servers or {})
        self.port = free_port()
        self.pin = ""

    @property
    def audit(self) -> Path:
        return self.log / "audit"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        for name, folder in (("desk", self.desk), ("log", self.log), ("w1", self.w1)):
            folder.mkdir()
            self.own(folder, name)
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.running):
            self.kill(name)
        shutil.rmtree(self.root)

    # Settings and keys

    def configure(self, name: str, **audit: object) -> None:
        """Write the settings of one process; they hold passwords, so they are its user's alone."""
        path = self.settings(name)
        path.write_text(settings_text(audit))
        path.chmod(0o600)
        self.own(path, name)

    def settings(self, name: str) -> Path:
        return self.root / f"{name}.toml"

    def begin(self) -> None:
        """Make all keys and ``trust.json``, and hand out what belongs to whom."""
        made = self.ok("w1", "witness", "--data", self.w1, "--make-key", "auditor.example/w1")
        begun = self.ok(
            *("log", "audit", "init", *self.here("log"), "--origin", ORIGIN),
            *("--witness", "w1", made.strip(), self.url),
            *(
                word
                for role, who in (
                    ("producer", "desk"), ("log", "log"), ("witness", "w1"),
                    ("archive", "archive"), ("watch", "watch"),
                )
                for word in ("--role", f"{role}={who}")
            ),
        )  # fmt: skip
        self.pin = begun.split("pin ")[1].strip()
        keys = self.desk / "audit" / "keys"
        keys.mkdir(parents=True)
        for name in ("runtime", "opskit"):
            shutil.move(self.audit / "keys" / f"producer-{name}.key", keys)
        shutil.copytree(self.audit / "trust", self.desk / "audit" / "trust")
        self.own(self.desk, "desk")
        shutil.copytree(self.audit / "trust", self.w1 / "audit" / "trust")
        self.own(self.w1, "w1")
        (self.audit / "watch").mkdir()
        self.own(self.audit / "watch", "watch")

    def share(self) -> None:
        """Let all live in one folder: the desk's, but for ``audit`` and ``archive`` in it."""
        for path in ("wal", "relay", "keys/subjects"):
            (self.audit / path).mkdir()
        for name in ("runtime", "opskit"):
            key = f"keys/producer-{name}.key"
            shutil.move(self.desk / "audit" / key, self.audit / key)
            self.own(self.audit / key, "desk")
            (self.audit / "wal" / name).mkdir()
        for path in ("wal", "relay", "keys/subjects"):
            self.own(self.audit / path, "desk")
        (self.log / "archive").mkdir()
        self.own(self.log / "archive", "log")
        if self.python is not None:
            os.chown(self.log, USERS["desk"], USERS["desk"])
        self.desk = self.log

    # Commands

    def run(self, name: str, *words: object) -> Done:
        """Run a command to its end, as the user ``name``."""
        ran = subprocess.run(
            self._command(words), capture_output=True, text=True, check=False, timeout=120,
            cwd=ROOT, env=self._environment(), **self._user(name),
        )  # fmt: skip
        return Done(ran.returncode, ran.stdout, ran.stderr)

    def ok(self, name: str, *words: object) -> str:
        done = self.run(name, *words)
        assert done.code == 0, f"{words}: {done}"
        return done.out

    def start(self, name: str, *words: object) -> None:
        """Start a process as the user that its name begins with; it says when it is ready."""
        with self.said(name).open("wb") as said:
            self.running[name] = subprocess.Popen(
                self._command(words), stdout=said, stderr=said, text=True, cwd=ROOT,
                env=self._environment(), **self._user(name.partition("-")[0]),
            )  # fmt: skip

    def said(self, name: str) -> Path:
        return self.root / f"{name}.said"

    def is_ready(self, name: str) -> bool:
        code = self.running[name].poll()
        assert code is None, f"{name} ended with {code}: {self.said(name).read_text()}"
        return READY in self.said(name).read_text().splitlines()

    def witness(self) -> None:
        self.start("w1", "witness", "--data", self.w1, "--port", self.port)

    def service(self) -> None:
        self.start("log", "audit", "run", "--no-relay", *self.here("log"))

    def relay(self) -> None:
        self.start("desk", "audit", "relay", *self.here("desk"))

    def watch(self) -> None:
        words = ("--data", self.log, "--settings", self.settings("watch"))
        self.start("watch", "audit", "watch", *words)

    def ready(self, *names: str) -> None:
        for name in names or list(self.running):
            until(lambda name=name: self.is_ready(name), f"{name} is ready")

    def everybody(self) -> None:
        """Start all four at once, in no order."""
        for start in (self.watch, self.relay, self.service, self.witness):
            start()
        self.ready()

    def stop(self, name: str) -> str:
        """End a process in order; give what it had said."""
        process = self.running.pop(name)
        process.terminate()
        code = process.wait(WAIT_S)
        said = self.said(name).read_text()
        assert code == 0, f"{name} ended with {code}: {said}"
        return said

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def refused(self) -> Done:
        """Run the service that will refuse, to its end."""
        return self.run("log", "audit", "run", "--no-relay", *self.here("log"))

    def trade(self, seed: int) -> None:
        """Record a session of generated flow, traded on paper, in the desk's journals."""
        flow = self.root / f"flow-{seed}.gz"
        words = ("--seed", seed, "--for", TRADED_S, "--out", flow)
        assert self.run("", "generate", *words).code == 0
        self.ok(
            *("desk", "feed", "--venue", "binance-usdm", "--symbol", "BTCUSDT", "--trade"),
            *("--data", self.desk, flow),
        )

    def stopped(self) -> int:
        """End the log in order; give the moment until which it was there, in seconds."""
        now = int(time.time())
        self.stop("log")
        return now

    def verify(self, now: int, *words: object) -> Done:
        """Verify as somebody else, who holds pin, policy and trust and goes to the witness."""
        trust = ("--trust", self.w1 / "audit" / "trust", "--pin", self.pin)
        seen = self.root / "seen.checkpoint"
        seen.write_bytes(self.witnessed())
        known = (*trust, "--checkpoint", seen, "--now", now)
        return self.run("", "verify", "--data", self.log, *known, *words)

    def second_opinion(self, now: int, *words: object) -> Done:
        """Verify with the other verifier."""
        trust = ("--trust", self.w1 / "audit" / "trust", "--pin", self.pin)
        at = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        command = [sys.executable, ROOT / "tools/audit_verify.py", self.audit, *trust, "--now", at]
        ran = subprocess.run(
            [str(word) for word in (*command, *words)],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        return Done(ran.returncode, ran.stdout, ran.stderr)

    def witnessed(self) -> bytes:
        """Give what the witness cosigned last, by itself or from its folder."""
        log = sha256(ORIGIN.encode()).hexdigest()
        return (self.w1 / "audit" / "witness" / log / "checkpoint").read_bytes()

    def whole(self, *words: object) -> None:
        """End the log, and have both verifiers find it whole."""
        now = self.stopped()
        done = self.verify(now, *words)
        assert done.code == 0, done
        assert self.second_opinion(now).code == 0

    # What is there

    def metrics(self) -> dict[str, float]:
        try:
            text = (self.audit / "metrics.prom").read_text()
        except FileNotFoundError:
            return {}
        return {name: float(value) for name, value in map(str.split, text.splitlines())}

    def kept(self) -> int:
        """Count the bytes that the desk's relay keeps for the log."""
        return sum(path.stat().st_size for path in self.desk.glob("audit/wal/runtime/*/*.wal"))

    def told(self, data: Path) -> list[str]:
        """Read why the process that keeps its journal in ``data`` refused, each time."""
        return [
            body.reason
            for folder in find_sessions(data)
            for body in (decode_body(record.body) for record in read_session(folder))
            if isinstance(body, AuditRefused)
        ]

    def alarms(self) -> float:
        """Sum up the alarms of the tamper watch."""
        text = (self.audit / "watch" / "metrics.prom").read_text()
        lines = (line.rpartition(" ") for line in text.splitlines())
        return sum(float(value) for name, _, value in lines if "tampering_total{" in name)

    def found(self, kind: str) -> int:
        """Count the entries of a type, by the command."""
        here = self.here("log")
        found = self.ok("log", "audit", "search", *here, "--type", kind, "--limit", 10_000)
        return len(found.splitlines())

    def traded(self, seed: int) -> None:
        """Trade, and wait until all of it is in the log and witnessed."""
        count = self.found(LAST)
        self.trade(seed)
        self.arrived(count + 1)

    def arrived(self, sessions: int) -> None:
        until(lambda: self.found(LAST) >= sessions, f"{sessions} sessions in the log")
        until(self.is_witnessed, "a witnessed checkpoint of all")

    def is_witnessed(self) -> bool:
        found = self.metrics()
        return bool(found) and found.get("audit_unreceipted_entries") == 0

    def digests(self) -> int:
        return len(list((self.audit / "log/digests").glob("*.note")))

    def here(self, name: str) -> tuple[object, ...]:
        data = self.desk if name == "desk" else self.log
        return ("--data", data, "--settings", self.settings(name))

    def own(self, place: Path, name: str) -> None:
        if self.python is None:
            return
        for path in (place, *place.rglob("*")):
            os.chown(path, USERS[name], USERS[name])

    def _command(self, words: tuple[object, ...]) -> list[str]:
        program = [str(self.python or sys.executable), "-m", "trading_runtime.cli.main"]
        return program + [str(word) for word in words]

    def _environment(self) -> dict[str, str]:
        return environment() | self.extra

    def _user(self, name: str) -> dict[str, object]:
        if self.python is None or not name:
            return {}
        return {"user": USERS[name], "group": USERS[name], "extra_groups": []}
