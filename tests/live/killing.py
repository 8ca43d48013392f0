"""A runtime that is killed again and again while it trades, and what each restart has to make good.

Between two starts the simulated venue goes on: it fills, answers into closed sockets, and keeps the
orders that nobody watches. Foreign orders stand on the account from beginning to end.
"""

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path
from typing import Self

from tests.live.doomed import Boundary
from tests.live.invariants import Record, check, own
from tests.live.trader import Trader, hurried_settings
from tests.live.venue import Row, SimulatedVenue, until
from trading_runtime.app.doorway import Command, Status, ask
from trading_runtime.errors import Refused
from trading_runtime.journal.folder import find_sessions
from trading_runtime.journal.reader import read_session
from trading_runtime.records.commands import PlaceOrder
from trading_runtime.records.envelope import decode_body
from trading_runtime.records.inputs import Action

SYMBOL = "BTCUSDT"
TICK = Decimal("0.10")
LOT = "0.001"
WITHIN_S = 180.0
POLL_S = 0.02
PROVOKED_EVERY_S = 0.3
SETTLED_S = 0.5
"""A latched account that has been flat for so long is opened again."""
OPENED = "panic stop"
"""Why a market is held whose latch was opened, and that nobody has resumed."""
FOREIGN = ("web-by-hand", "axk3j9q0zw7f1b2", "td-by-hand", "x-other-robot1")
"""By hand, of another registered prefix, by hand with our letters, by a broker's robot."""
AWAY_PPM = 20_000
PANICS = frozenset(each for each in Boundary if each.name.startswith("PANIC"))
FILLS = frozenset((Boundary.FILLED, Boundary.FILLED_JOURNALED))
COUNTS = (
    dict.fromkeys(Boundary, 12)
    | {Boundary.RECOVERED: 1, Boundary.RECONCILING: 1}
    | {each: 2 for each in Boundary if each.name.startswith(("SEAL", "PANIC"))}
    | {Boundary.PANIC_CANCEL_SENT: 9}
)
"""The most that a boundary is passed before it is the last: what comes once in a while, seldom."""
BY_BOUNDARY, BY_CALL = 0.6, 0.75
CALLS = (
    ("write", 200),
    ("sendto", 200),
    ("fdatasync", 40),
    ("pwrite64", 40),
    ("openat", 30),
    ("rename", 6),
    ("unlink", 3),
    ("epoll_pwait", 200),
)
"""System calls, and how many of them a second or two sees: of journal, lines and loop."""
QUICK = (
    ("segment_bytes_max", "131_072"),
    ("engine.oms.answer_timeout_ns", "500_000_000"),
    ("engine.oms.query_interval_ns", "200_000_000"),
    ("engine.oms.absent_grace_ns", "1_500_000_000"),
    ("market.warm_after_ns", "200_000_000"),
    # Each restart loses its answers: their share must not end it.
    ("api_error_rate", '{ trigger = 1_000_000, clear = 900_000, response = "pause" }'),
)


def killed_settings(folder: Path, *more: tuple[str, str]) -> Path:
    return hurried_settings(folder / "settings.toml", *QUICK, *more)


def place_foreign(venue: SimulatedVenue) -> list[Row]:
    """Put orders of others on our account, far from the market; give them as they stand."""
    for place, name in enumerate(FOREIGN):
        side = ("BUY", "SELL")[place % 2]
        venue.call(
            "POST",
            "order",
            {
                "market": "usdm",
                "symbol": SYMBOL,
                "side": side,
                "quantity": "0.010",
                "price": away(venue, side),
                "client_id": name,
            },
        )
    return foreign(venue)


def away(venue: SimulatedVenue, side: str) -> str:
    """Give a price on the grid that the market does not come to."""
    line = HTTPConnection("127.0.0.1", venue.port, timeout=WITHIN_S)
    line.request("GET", f"/fapi/v1/depth?symbol={SYMBOL}&limit=5")
    book = json.loads(line.getresponse().read())
    line.close()
    best = float(book["bids" if side == "BUY" else "asks"][0][0])
    sign = -1 if side == "BUY" else 1
    return f"{best * (1 + sign * AWAY_PPM / 1_000_000):.1f}"


def foreign(venue: SimulatedVenue) -> list[Row]:
    return [row for row in venue.books()["orders"] if row["client_id"] in FOREIGN]


class Killing:
    """One data folder on one venue, and the runtimes that die on it."""

    MORE: tuple[tuple[str, str], ...] = ()
    """Settings beside those of all."""
    KEEPS_ALL = True
    """What was handed over when it died is there when it starts again."""

    def __init__(self, folder: Path, data: Path, venue: SimulatedVenue) -> None:
        self.venue = venue
        self.trader = Trader(data, killed_settings(folder, *self.MORE), venue)
        self.foreign = place_foreign(venue)
        self._provoked_at = self._flat_since = 0.0
        self._latch_survives = False
        """The last one died in a PanicStop, and nobody has looked since."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.trader.__exit__()

    def die_at(self, boundary: Boundary, count: int) -> None:
        """Start a runtime that dies at ``boundary``, and lead it there."""
        doomed = (sys.executable, "-m", "tests.live.doomed", boundary.value, str(count))
        self.trader.start(ready=False, program=doomed)
        self._until_dead(f"{boundary.value}, {count}", lambda: self._lead_to(boundary))
        self._latch_survives = boundary in PANICS and self.KEEPS_ALL

    def die_after(self, seconds: float, boundary: Boundary) -> None:
        """Start a runtime and kill it so much later, wherever it is on the way to ``boundary``."""
        kill_at = time.monotonic() + seconds
        self.trader.start(ready=False)

        def lead() -> None:
            if time.monotonic() >= kill_at:
                self.trader.process.kill()
            self._lead_to(boundary)

        self._until_dead(f"{seconds:g} s, to {boundary.value}", lead)

    def die_in_call(self, call: str, count: int, boundary: Boundary) -> None:
        """Kill it as it enters a system call for the ``count``-th time since it quoted."""
        self.trader.start()
        until("quotes", WITHIN_S, self._leads_to_quotes)
        inject = f"inject={call}:signal=KILL:when={count}"
        tracer = subprocess.Popen(
            [
                *("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject),
                *("-p", str(self.trader.process.pid)),
            ]
        )
        try:
            self._until_dead(f"{call} {count}", lambda: self._lead_to(boundary))
        finally:
            tracer.kill()
            tracer.wait()

    def _until_dead(self, what: str, lead: Callable[[], None]) -> None:
        process = self.trader.process
        deadline = time.monotonic() + WITHIN_S
        while process.poll() is None:
            if time.monotonic() > deadline:
                self.trader.kill()
                raise AssertionError(f"did not die at {what}: {self.trader.printed}")
            lead()
            time.sleep(POLL_S)
        self.trader.kill()
        assert process.returncode == -signal.SIGKILL, (what, self.trader.printed)
        self.after_death(what)

    def restart(self) -> None:
        """Start one that stays: it must reconcile and quote."""
        self.trader.start()
        until("quotes after a kill", WITHIN_S, self._leads_to_quotes)

    def ends(self) -> Record:
        """Let the last one quote with nothing unknown, end it, and hold all against the venue."""
        if self.trader.process.poll() is not None:
            self.trader.start()
        until("quotes", WITHIN_S, self._leads_to_quotes)
        until("nothing is unknown", WITHIN_S, self._knows_all)
        self.trader.stop()
        touched = [each for each in foreign(self.venue) if each not in self.foreign]
        assert not touched, f"a foreign order was touched: {touched}"
        return self.check()

    def check(self) -> Record:
        return check(self.trader.data, self.venue.books())

    def is_steady(self) -> bool:
        """Whether it has reconciled and quotes; unknown orders are blocked, and may be there."""
        status = self.trader.status()
        return status is not None and quotes(status)

    def after_death(self, what: str) -> None:
        """Each order at the venue had been handed over to a journal before it was sent."""
        known = set()
        for folder in find_sessions(self.trader.data)[-2:]:
            for record in read_session(folder):
                body = decode_body(record.body)
                if isinstance(body, PlaceOrder):
                    known.add(body.order)
        nonces = {folder.name.rpartition("-")[2] for folder in find_sessions(self.trader.data)[-2:]}
        sent = {str(row["client_id"]) for row in own(self.venue.books()["orders"])}
        recent = {order for order in sent if order[2:10] in nonces}
        assert not recent - known, f"sent and not journaled, killed at {what}: {recent - known}"

    def _knows_all(self) -> bool:
        status = self.trader.status()
        return status is not None and not any(each.unknown_orders for each in status.markets)

    def _leads_to_quotes(self) -> bool:
        self._lead_to(Boundary.SENT)
        return self.is_steady()

    def _lead_to(self, boundary: Boundary) -> None:
        """Do what brings a session there: nothing where it comes by itself."""
        status = self.trader.status()
        if status is None:
            return
        assert status.latched or not self._latch_survives, "the latch did not outlive the kill"
        self._latch_survives = False
        now = time.monotonic()
        if status.latched:
            self._open_when_flat(now)
            return
        self._flat_since = 0.0
        if any(market.held == OPENED for market in status.markets):
            self._command(Action.RESUME)  # killed between the two commands of a person
        if not quotes(status) or now - self._provoked_at < PROVOKED_EVERY_S:
            return
        if boundary in FILLS or boundary in PANICS:
            self._provoked_at = now
            if boundary in PANICS and float(status.markets[0].position):
                self._command(Action.PANIC_STOP)
            else:
                self._fill_in_part()

    def _fill_in_part(self) -> None:
        """Let somebody sell the least there is to our best bid, if it still stands."""
        prices = [
            Decimal(str(row["price"]))
            for row in own(self.venue.open_orders())
            if row["side"] == "BUY"
        ]
        if prices:
            trade = {"side": "SELL", "price": str(max(prices) - TICK), "quantity": LOT}
            wanted = {"market": "usdm", "symbol": SYMBOL, "trades": [trade]}
            self.venue.call("POST", "external", wanted)

    def _open_when_flat(self, now: float) -> None:
        flat = not float(self.venue.position()) and not own(self.venue.open_orders())
        if not flat:
            self._flat_since = 0.0
        elif not self._flat_since:
            self._flat_since = now
        elif now - self._flat_since > SETTLED_S:
            self._command(Action.CLEAR_PANIC)
            self._command(Action.RESUME)

    def _command(self, action: Action) -> None:
        try:
            ask(self.trader.data, Command(action=action, reason="a kill is to come"))
        except Refused:
            return  # it is dead already


def quotes(status: Status) -> bool:
    return all(market.open_orders and not market.held for market in status.markets)


def seeded_rounds(killing: Killing, rounds: int, seed: int) -> None:
    """Kill at drawn boundaries, in drawn system calls and at drawn moments."""
    draw = random.Random(seed)  # noqa: S311 -- moments, not secrets
    for _ in range(rounds):
        boundary = draw.choice(list(Boundary))
        how = draw.random()
        if how < BY_BOUNDARY:
            killing.die_at(boundary, draw.randint(1, COUNTS[boundary]))
        elif how < BY_CALL:
            call, most = draw.choice(CALLS)
            killing.die_in_call(call, draw.randint(1, most), boundary)
        else:
            killing.die_after(draw.uniform(0.3, 4.0), boundary)
