"""A real simulated venue in a process of its own, what a test does to it, and its own books."""

import json
import subprocess
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Self

from tests.app.sessions import TAPEDECK

READY_WITHIN_S = 180.0
Row = dict[str, str | int | bool]
Books = dict[str, list[Row]]


class SimulatedVenue:
    """``tapedeck simulator`` on a free port; a context manager that ends it."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._arguments = arguments
        self.port = 0
        self.start()

    def start(self) -> None:
        """Start it; a second time on the same port, with the same keys, and no memory."""
        self._errors = (self.folder / "simulator.err").open("a")
        self.process = subprocess.Popen(
            [*TAPEDECK, "simulator", "--port", str(self.port), *self._arguments],
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, (self.folder / "simulator.err").read_text()
        told = json.loads(line)
        self.port = int(told["port"])
        self.url = f"http://127.0.0.1:{self.port}"
        self.keys = key_file(self.folder / "keys.toml", told["api_key"], told["api_secret"])
        self.watchdog_keys = key_file(
            self.folder / "watchdog.toml", told["watchdog_key"], told["watchdog_secret"]
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=READY_WITHIN_S)
        self._errors.close()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()
        self._errors.close()

    def call(self, verb: str, path: str, body: object = None) -> object:
        """Call the control endpoint; what it refuses fails the test."""
        line = HTTPConnection("127.0.0.1", self.port, timeout=READY_WITHIN_S)
        try:
            line.request(verb, f"/control/{path}", None if body is None else json.dumps(body))
            answer = line.getresponse()
            text = answer.read()
        finally:
            line.close()
        assert answer.status < 300, text
        return json.loads(text or b"null")

    def fault(self, kind: str, **fields: object) -> None:
        """Order a fault of the market that is traded here, unless it says otherwise."""
        self.call("POST", "fault", {"kind": kind, **fields})

    def clear(self) -> None:
        self.call("DELETE", "faults")

    def books(self, market: str = "usdm", account: str = "1") -> Books:
        """Give orders, trades, balances and positions of one account: the truth."""
        ledgers = self.call("GET", "ledger")
        assert isinstance(ledgers, dict)
        books: Books = ledgers[market][account]
        return books

    def position(self, symbol: str = "BTCUSDT") -> str:
        rows = [row for row in self.books()["positions"] if row["symbol"] == symbol]
        return str(rows[0]["quantity"]) if rows else "0.00000000"

    def open_orders(self, market: str = "usdm") -> list[Row]:
        open_now = ("NEW", "PARTIALLY_FILLED")
        return [row for row in self.books(market)["orders"] if row["status"] in open_now]


def key_file(path: Path, key: str, secret: str) -> Path:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(f'key = "{key}"\nsecret = "{secret}"\n')
    return path


def until(what: str, seconds: float, holds: Callable[[], bool]) -> None:
    """Poll until ``holds`` or fail with ``what`` after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)
