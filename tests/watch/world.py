"""A venue, a runtime that can be stalled, and a watchdog: each a process of its own."""

import http.client
import itertools
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from trading_runtime.config import SHIPPED
from trading_runtime.journal.folder import find_sessions
from trading_runtime.journal.reader import read_session
from trading_runtime.records.envelope import Body, decode_body

DEADLINE_S = 120.0
PROGRAM = (sys.executable, "-m", "trading_runtime.cli.main")
RESTING = {"NEW", "PARTIALLY_FILLED"}
_numbers = itertools.count(1)


def until(what: Callable[[], object], told: str) -> None:
    """Poll until ``what`` is true."""
    end = time.monotonic() + DEADLINE_S
    while not what():
        if time.monotonic() > end:
            pytest.fail(f"not within {DEADLINE_S:g} s: {told}")
        time.sleep(0.02)


class Process:
    """A child whose lines can be read."""

    def __init__(self, *command: str) -> None:
        self.child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

        assert self.child.stdout is not None
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(self.child.stdout,), daemon=True)
        self._reader.start()

    def _read(self, stdout: IO[str]) -> None:
        for line in stdout:
            self._lines.put(line.strip())
        self._lines.put("")

    def line(self) -> str:
        """Give the next line, or nothing at the end."""
        return self._lines.get(timeout=DEADLINE_S)

    def read_until(self, beginning: str) -> str:
        for line in iter(self.line, ""):
            if line.startswith(beginning):
                return line
        pytest.fail(f"ended without {beginning!r}: {self.errors()}")

    def say(self, text: str) -> str:
        assert self.child.stdin is not None
        self.child.stdin.write(text + "\n")
        self.child.stdin.flush()
        return self.line()

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Give the exit status and standard error."""
        self.child.send_signal(number)
        return self.child.wait(DEADLINE_S), self.errors()

    def errors(self) -> str:
        """Give standard error of a child that has ended."""
        assert self.child.stderr is not None
        return self.child.stderr.read()

    def kill(self) -> None:
        self.child.kill()
        self.child.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)
        for stream in (self.child.stdin, self.child.stdout, self.child.stderr):
            assert stream is not None
            stream.close()


class Venue:
    """A simulator's control endpoint."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.url = f"http://127.0.0.1:{ready['port']}"
        self.keys = ready

    def call(self, method: str, path: str, body: object = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.keys["port"], timeout=60)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, f"/control/{path}", content)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, text
            return json.loads(text)
        finally:
            connection.close()

    def place(self, prefix: str, market: str = "usdm", price: str = "59000") -> str:
        """Let an order rest; give its client id."""
        order = f"{prefix}{next(_numbers):06d}"
        self.call(
            "POST",
            "order",
            {
                "market": market,
                "symbol": "BTCUSDT",
                "side": "BUY",
                "quantity": "0.010",
                "price": price,
                "client_id": order,
            },
        )
        return order

    def resting(self, market: str = "usdm") -> set[str]:
        accounts = self.call("GET", "ledger")[market].values()
        orders = (order for account in accounts for order in account["orders"])
        return {order["client_id"] for order in orders if order["status"] in RESTING}

    def fault(self, **fault: object) -> None:
        self.call("POST", "fault", fault)

    def clear(self) -> None:
        self.call("DELETE", "faults")


@contextmanager
def a_venue() -> Iterator[Venue]:
    process = Process(*PROGRAM, "simulator", "--flow", "none")
    try:
        venue = Venue(json.loads(process.line()))
        for market in ("usdm", "spot"):
            levels = {"bids": [["60000", "5"]], "asks": [["60001", "5"]]}
            venue.call("POST", "external", {"market": market, "symbol": "BTCUSDT", **levels})
        venue.call("POST", "mark", {"symbol": "BTCUSDT", "price": "60000"})
        yield venue
    finally:
        process.end()
        process.kill()


class World:
    """One data folder with what runs on it."""

    def __init__(self, data: Path, venue: Venue) -> None:
        self.data = data
        self.venue = venue
        self.settings = data / "hurried.toml"
        text = SHIPPED.read_text()
        self.settings.write_text(
            text.replace("\nwatchdog_margin_ns = 5_000_", "\nwatchdog_margin_ns = 500_")
        )
        self.keys = data / "watchdog.keys"
        key, secret = venue.keys["watchdog_key"], venue.keys["watchdog_secret"]
        self.keys.write_text(f'key = "{key}"\nsecret = "{secret}"\n')
        self.keys.chmod(0o600)
        self.processes: list[Process] = []

    def watchdog(self) -> Process:
        """Start one; it is ready when this returns."""
        process = self.start(*self.watchdog_command())
        process.read_until("ready")
        return process

    def watchdog_command(self) -> tuple[str, ...]:
        named = ("--data", str(self.data), "--settings", str(self.settings))
        venue = ("--venue-url", self.venue.url, "--keys", str(self.keys))
        return (*PROGRAM, "watchdog", *named, *venue)

    def runtime(self, length_ms: int = 400) -> Process:
        command = (sys.executable, "-m", "tests.watch.holder", str(self.data), str(length_ms))
        process = self.start(*command)
        assert process.line() == "held"
        return process

    def start(self, *command: str) -> Process:
        process = Process(*command)
        self.processes.append(process)
        return process

    def watched(self, length_ms: int = 400) -> tuple[Process, Process]:
        """Give a watchdog that is armed, and the runtime that it watches.

        A lease as short runs out by itself where the machine is busy: not where it must be alive.
        """
        watchdog = self.watchdog()
        runtime = self.runtime(length_ms)
        watchdog.read_until("lease alive")
        return watchdog, runtime

    def journal(self) -> list[Body]:
        folders = find_sessions(self.data / "watchdog")
        return [decode_body(record.body) for each in folders for record in read_session(each)]

    def close(self) -> None:
        for process in self.processes:
            process.child.send_signal(signal.SIGCONT)
            process.kill()


def stop_all_of(process: Process) -> None:
    """Stall a process, and know that it stands."""
    process.child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.child.pid, os.WSTOPPED | os.WNOWAIT)
