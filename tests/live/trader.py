"""The runtime against a simulated venue, in a process of its own, as ``tapedeck up`` starts it."""

import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from tests.app.sessions import TAPEDECK
from tests.live.venue import READY_WITHIN_S, SimulatedVenue
from trading_runtime.app.doorway import Status, StatusAsked, ask
from trading_runtime.config import SHIPPED
from trading_runtime.errors import Refused
from trading_runtime.journal.folder import find_sessions
from trading_runtime.journal.reader import read_session
from trading_runtime.records.envelope import Body, decode_body

ROOT = Path(__file__).parents[2]
HURRIED = (
    ("segment_bytes_max", "1_048_576"),
    ("requote_interval_ns", "0"),
    ("first_phase_seconds", "0"),
    # A machine that is busy with other tests may hold a process up for longer than is shipped.
    ("lease_ns", "60_000_000_000"),
)


def hurried_settings(path: Path, *more: tuple[str, str]) -> Path:
    """Write settings under which seconds see many orders, fills and seals.

    ``more`` pairs names with values as they stand in the file: a name that is shipped, or one with
    its section before it (``engine.oms.answer_timeout_ns``), which is added.
    """
    text = SHIPPED.read_text()
    for name, value in (*HURRIED, *more):
        text = changed(text, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def changed(text: str, name: str, value: str) -> str:
    section, dot, field = name.rpartition(".")
    if not dot:
        text, count = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", text)
        assert count == 1, name
        return text
    head = f"\n[{section}]"
    if head not in text:
        text += f"{head}\n"
    before, _, rest = text.partition(head)
    body, following, after = rest.partition("\n[")
    there = re.compile(rf"(?m)^{re.escape(field)} = .*$")
    line = f"{field} = {value}"
    body = there.sub(line, body) if there.search(body) else f"{body.rstrip()}\n{line}\n"
    return before + head + body + following + after


class Trader:
    """``tapedeck run``; started again on the same data as often as is wanted.

    As a context manager it leaves no process behind, whatever a test thinks of it.
    """

    def __init__(
        self, data: Path, settings: Path, venue: SimulatedVenue, mode: str = "sim"
    ) -> None:
        self.data = data
        self.settings = settings
        self.venue = venue
        self.mode = mode
        self.process: subprocess.Popen[str]
        self.printed = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()

    def start(self, *, ready: bool = True, program: Sequence[str] = TAPEDECK) -> None:
        """Start it, and await that it says so, unless it need not become ready."""
        self.process = subprocess.Popen(
            [
                *(*program, "run", "--mode", self.mode, "--data", str(self.data)),
                *("--settings", str(self.settings), "--venue-url", self.venue.url),
                *(() if self.mode == "paper" else ("--keys", str(self.venue.keys))),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
        )
        if ready:
            self.await_line("ready")

    def await_line(self, wanted: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed += line
            if line.strip() == wanted:
                return
        raise AssertionError(self.ended())

    def kill(self) -> None:
        self.process.kill()
        self._read_rest()

    def stop(self) -> None:
        """End it in order; it must agree."""
        self.process.send_signal(signal.SIGTERM)
        self._read_rest()
        assert self.process.returncode == 0, self.printed

    def _read_rest(self) -> None:
        printed, _ = self.process.communicate(timeout=READY_WITHIN_S)
        self.printed += printed

    def ended(self) -> str:
        """Say with what it has ended, and what it said."""
        self._read_rest()
        return f"ended with {self.process.returncode}: {self.printed}"

    def status(self) -> Status | None:
        """Ask it how it is; None while nobody answers."""
        try:
            answer = ask(self.data, StatusAsked())
        except Refused:
            return None
        return answer.status

    def quotes(self) -> bool:
        """Whether every market has orders at the venue, as the runtime sees it."""
        assert self.process.poll() is None, self.ended()
        status = self.status()
        return status is not None and all(each.open_orders for each in status.markets)

    def bodies(self) -> Iterator[tuple[str, int, Body]]:
        """Give everything that all sessions recorded: (session, sequence, body)."""
        for folder in find_sessions(self.data):
            for record in read_session(folder):
                yield folder.name, record.seq, decode_body(record.body)
