"""Days that were never lived, recorded: sessions, logs, ticks and the audit record of each hour.

An hour at a time: its messages go through the same shell and core as live, scribe writes the lines
and ticks that came of them, and the audit record takes in what is to be proved. What each of the
three leaves in the data folder is what it leaves after a real hour; the clock alone is set. The
same story, settings and code give the same logs and ticks, byte for byte.
"""

import gzip
from collections.abc import Callable
from pathlib import Path
from threading import Event as Flag

import msgspec

from trading_runtime.app.opening import (
    NOTHING_CARRIED,
    Plan,
    Recovery,
    carried_from,
    on_known_grid,
    plan,
)
from trading_runtime.audit.keys import Charter
from trading_runtime.config import Settings
from trading_runtime.days.damage import Damage, damage
from trading_runtime.days.desk import Desk, Made, birth_of
from trading_runtime.days.market import SLICE_NS, SLOWNESS, Heard, Markets
from trading_runtime.days.record import Keeper, SetClock, begin
from trading_runtime.days.story import PARAMETERS_EVERY, Story, orders_of
from trading_runtime.journal.recovery import recover_last
from trading_runtime.records.inputs import Mode
from trading_runtime.records.units import NANOS_PER_MILLI, NANOS_PER_SECOND, Nanos
from trading_runtime.scribe import process as scribe
from trading_runtime.store.hours import HOUR_NS, MINUTE_NS

COMPRESSION_LEVEL = 6
STOP_BEFORE_NS = 5 * NANOS_PER_SECOND
"""The session ends so long before its last hour does: cancelling belongs to that hour too."""
LATE_FOLDER = "late"
SPREADS = (3, 4, 6)
"""Half spreads in ticks that are set in turn, so that parameters can be held against results."""


class Capture(msgspec.Struct, frozen=True, kw_only=True):
    """A minute that was kept back, as a file that ``tapedeck feed`` plays."""

    path: str
    venue: str
    symbol: str
    tick: str
    lot: str


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What was made."""

    sessions: tuple[str, ...]
    frames: int
    hours: int
    """Without the one that is missing."""
    late: Capture | None
    damage: Damage | None
    audited: bool


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording is made from."""

    data: Path
    story: Story
    settings: Settings
    """At the pace of days: see ``days.pace``."""
    settings_path: Path
    trading: bool = True
    slowness: float = SLOWNESS
    """By how much the generated market is slowed down."""
    charter: Charter | None = None
    """Of the audit record that is begun; None leaves the record to whoever begins it later."""


def record(whole: Whole, say: Callable[[str], None]) -> Recorded:
    """Record what the story tells into a data folder that has no session yet."""
    recording = _Recording(whole)
    for number in range(whole.story.hours):
        if number == whole.story.missing:
            recording.stand_still(number)
        else:
            recording.hour(number)
        say(f"{whole.story.hour(number).name} {recording.frames:,} messages")
    return recording.finish()


class _Recording:
    """Owns the session, the markets and the audit services between hours."""

    def __init__(self, whole: Whole) -> None:
        self._whole = whole
        self._settings = whole.settings
        self._plan = on_known_grid(self._planned(), NOTHING_CARRIED)
        story = whole.story
        self._markets = Markets(self._plan.instruments, story.seed, story.first, whole.slowness)
        self._clock = SetClock(story.first)
        if whole.charter is not None:
            begin(whole.data, whole.charter, story.first)
        self._made: list[Made] = []
        self._late: list[Heard] = []
        self._desk: Desk | None = None
        self._keeper: Keeper | None = None

    @property
    def frames(self) -> int:
        open_now = self._desk.frames if self._desk is not None else 0
        return sum(it.frames for it in self._made) + open_now

    def hour(self, number: int) -> None:
        """Let one hour pass, and bring it to logs, ticks and the audit record."""
        start = self._whole.story.hour_start(number)
        desk = self._running(start)
        if number == self._whole.story.silent:
            desk.disconnect("the venue went away")
        elif not desk.connected:
            desk.connect()
        self._set_parameters(desk, number)
        orders = orders_of(self._whole.story, number)
        end = start + HOUR_NS - (STOP_BEFORE_NS if self._ends(number) else 0)
        for until in range(start + SLICE_NS, end + SLICE_NS, SLICE_NS):
            heard = self._markets.advance(Nanos(until))
            if desk.connected:
                desk.play(self._on_time(number, heard), Nanos(until))
                desk.answer(self._markets.book)
            else:
                desk.play((), Nanos(until))
            while orders and orders[0].at <= until:
                desk.order(orders.pop(0))
        if self._ends(number):
            self._made.append(desk.close("the machine is switched off"))
            self._desk = None
        else:
            desk.settle()
        self._follow(Nanos(start + HOUR_NS))

    def stand_still(self, number: int) -> None:
        """Let an hour pass in which the market goes on without us."""
        self._markets.advance(self._whole.story.hour_start(number + 1))

    def finish(self) -> Recorded:
        """Tell what was made, and damage what is to be damaged."""
        story, data = self._whole.story, self._whole.data
        damaged = None
        if story.damaged is not None:
            damaged = damage(data, story.hour(story.damaged))
        return Recorded(
            sessions=tuple(it.session for it in self._made),
            frames=self.frames,
            hours=story.hours - (story.missing is not None),
            late=self._keep_late(),
            damage=damaged,
            audited=self._whole.charter is not None,
        )

    def _planned(self) -> Plan:
        return plan(
            self._settings,
            self._whole.settings_path,
            Mode.PAPER,
            self._settings.instruments(),
            trading=self._whole.trading,
        )

    def _running(self, start: Nanos) -> Desk:
        """Give the session that runs, or begin one on what the last one left."""
        self._clock.at = start
        if self._desk is None:
            whole = self._whole
            recovery = recovery_of(whole.data)
            planned = on_known_grid(self._plan, recovery)
            born = birth_of(whole.story.seed, start)
            self._desk = Desk(planned, whole.data, born, start, recovery)
        if self._keeper is None and self._whole.charter is not None:
            whole = self._whole
            self._keeper = Keeper(whole.data, whole.settings.audit, whole.story.seed, self._clock)
        return self._desk

    def _set_parameters(self, desk: Desk, number: int) -> None:
        """Set another spread every so many hours, as a person who looks for a better one does."""
        if not self._whole.trading or number % PARAMETERS_EVERY:
            return
        strategy = self._plan.core.strategy
        spread = SPREADS[number // PARAMETERS_EVERY % len(SPREADS)]
        changed = msgspec.structs.replace(
            strategy, parameters=strategy.parameters | {"half_spread_ticks": spread}
        )
        for each in self._plan.instruments:
            desk.activate(each.instrument_id, changed.parameters_json(each.instrument_id))

    def _on_time(self, number: int, heard: list[Heard]) -> list[Heard]:
        """Keep back what is to come late: of one market, its messages of one minute."""
        late = self._whole.story.late
        if late is None or late.hour != number:
            return heard
        start = late.starts_at(self._whole.story.first)
        symbol = self._plan.instruments[0].symbol
        held = [it for it in heard if it.symbol == symbol and start <= it.at < start + MINUTE_NS]
        self._late += held
        return [it for it in heard if it not in held]

    def _keep_late(self) -> Capture | None:
        """Write down, as a recorder would have, what was kept back."""
        if not self._late:
            return None
        folder = self._whole.data / LATE_FOLDER
        folder.mkdir(exist_ok=True)
        path = folder / f"{self._late[0].symbol}-{self._late[0].at}.gz"
        with path.open("wb") as raw, gzip.GzipFile("", "wb", COMPRESSION_LEVEL, raw, 0) as out:
            for each in self._late:
                out.write(b"%d %s\n" % (each.at, each.frame))
        instrument = self._plan.instruments[0]
        return Capture(
            path=path.relative_to(self._whole.data).as_posix(),
            venue=instrument.venue,
            symbol=instrument.symbol,
            tick=instrument.tick_size,
            lot=instrument.lot_size,
        )

    def _ends(self, number: int) -> bool:
        """Say whether all that is ours ends with this hour."""
        return number + 1 in {self._whole.story.missing, self._whole.story.hours}

    def _follow(self, end: Nanos) -> None:
        """Let the audit record, then scribe, take what the hour has left in the journals.

        The clock still shows the hour's last moment, so that what they say of it is of that hour;
        only when all is over does it go on to the end, so that the last digest ends the last hour.
        """
        is_over = self._desk is None
        self._clock.at = Nanos(end - NANOS_PER_MILLI)
        if self._keeper is not None:
            self._keeper.take()
            if is_over:
                self._keeper.close()
                self._keeper = None
        scribe.run(self._whole.data, self._settings.scribe, Flag(), once=True, finish=is_over)


def recovery_of(data: Path) -> Recovery:
    """Give what the newest session left to be carried on."""
    recovered = recover_last(data)
    return carried_from(recovered) if recovered is not None else NOTHING_CARRIED
