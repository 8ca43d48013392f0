"""How a session begins: its header, the state it carries on, its instrument, its connections.

All of it is on disk before the first command can leave.
"""

import os
from pathlib import Path
from typing import NamedTuple

import msgspec

from trading_runtime.app.build import build_core, core_of
from trading_runtime.app.naming import new_session
from trading_runtime.app.provenance import Provenance, StrategyText, digest, here, read_strategy
from trading_runtime.app.replay import open_header
from trading_runtime.app.session import Send, Session
from trading_runtime.clock import mono_ns, wall_ns
from trading_runtime.config import Settings
from trading_runtime.core.settings import CoreSettings, StrategySettings, encode_settings
from trading_runtime.core.venues.endpoints import Environment
from trading_runtime.core.venues.registry import VENUES
from trading_runtime.engine.settings import EngineSettings
from trading_runtime.journal.recovery import Recovered
from trading_runtime.journal.settings import JournalSettings
from trading_runtime.journal.writer import JournalWriter
from trading_runtime.records.carried import CoreCarried
from trading_runtime.records.envelope import Kind, Stamp, decode_body, decode_input
from trading_runtime.records.inputs import (
    ConnectionOpened,
    InstrumentRevised,
    Mode,
    ParametersActivated,
    Purpose,
    SessionOpened,
    StateCarried,
)
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.observations import ConfigInitialised, ServiceStarted
from trading_runtime.records.units import Connection, Nanos, Revision, Seq

VENUE_MODES = (Mode.LIVE, Mode.SIM)
"""In these, orders go to a venue; in the others they are filled on paper."""
PAPER_CONNECTION = Connection(1)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a session is to be: in which mode, on which markets, with which settings."""

    mode: Mode
    instruments: tuple[Instrument, ...]
    core: CoreSettings
    strategy: StrategyText
    journal: JournalSettings
    settings_path: Path


def plan(
    settings: Settings,
    path: Path,
    mode: Mode,
    instruments: tuple[Instrument, ...],
    *,
    trading: bool,
) -> Plan:
    """Read the strategy that the settings name and put all that decides into one value."""
    text = read_strategy(settings.strategy.name)
    named = StrategySettings(
        name=text.name,
        parameters=settings.strategy.parameters,
        source=text.source,
        own={desk.instrument().instrument_id: desk.parameters for desk in settings.desks},
    )
    core = settings.core(named, instruments, trading=trading)
    if mode in VENUE_MODES:
        core = msgspec.structs.replace(core, engine=on_venue(core.engine, settings, instruments[0]))
    return Plan(
        mode=mode,
        instruments=instruments,
        core=core,
        strategy=text,
        journal=settings.journal,
        settings_path=path,
    )


def on_venue(engine: EngineSettings, settings: Settings, instrument: Instrument) -> EngineSettings:
    """Let the engine know what kind of venue takes its orders."""
    venue = VENUES[instrument.venue]
    wiring = venue.wiring
    environment = settings.venue.environment
    told = environment == "simulator" or bool(venue.endpoints[Environment(environment)].wallet)
    return msgspec.structs.replace(
        engine,
        on_venue=True,
        account_line=not wiring.account_on_orders,
        permissions_told=told,
        dead_man_ns=engine.dead_man_ns if wiring.has_dead_man else Nanos(0),
    )


class Birth(NamedTuple):
    """What a session is told of itself that nothing else decides: another one each time."""

    session: str
    """Its name; see :func:`new_session`."""
    mono: Nanos
    """What the monotonic clock reads."""
    process: int


def birth() -> Birth:
    """Give what a session is told that begins here and now."""
    return Birth(new_session(wall_ns()), mono_ns(), os.getpid())


def header_of(planned: Plan, born: Birth, running: Provenance, start: Stamp) -> SessionOpened:
    settings = encode_settings(planned.core)
    return SessionOpened(
        session=born.session,
        mode=planned.mode,
        version=running.version,
        git_revision=running.git_revision,
        code_sha256=running.code_sha256,
        strategy=planned.strategy.name,
        strategy_sha256=planned.strategy.sha256,
        settings=settings,
        settings_sha256=digest(settings),
        libraries=running.libraries,
        wall_start=start.at,
        mono_start=born.mono,
    )


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """What a session carries on, and from which: empty at the very first."""

    session: str
    strategy_sha256: str
    carried: CoreCarried


EMPTY = CoreCarried(
    seq=Seq(0),
    at=Nanos(0),
    instruments=(),
    connections=(),
    channels=(),
    markets=(),
    trading=(),
    risk=msgspec.Raw(b"\xc0"),
    paper=msgspec.Raw(b"\xc0"),
    offsets=(),
)
NOTHING_CARRIED = Recovery(session="", strategy_sha256="", carried=EMPTY)


def carried_from(recovered: Recovered) -> Recovery:
    """Play a session that ended, however it ended, from its last checkpoint to its end.

    The books are left behind: a new session starts cold.
    """
    header = open_header(recovered.folder)
    core = build_core(header, here(None, None))
    at = Nanos(0)
    for record in recovered.records():
        at = record.stamp.at
        if record.kind is Kind.INPUT:
            core.step(record.seq, at, decode_input(record.body))
        elif not core.begun:
            body = decode_body(record.body)
            if isinstance(body, StateCarried):
                core.restore(body)
    return Recovery(
        session=header.session,
        strategy_sha256=header.strategy_sha256,
        carried=core.carry_cold(at),
    )


def on_known_grid(planned: Plan, recovery: Recovery) -> Plan:
    """Give each instrument the revision that it had, or a new one where its grid has changed.

    What is carried on is counted on the old grid, and a revision never changes its meaning.
    """
    known = {
        msgspec.structs.replace(each, revision=Revision(0)): each
        for each in recovery.carried.instruments
    }
    highest = max((each.revision for each in known.values()), default=0)
    found = []
    for instrument in planned.instruments:
        same = known.get(msgspec.structs.replace(instrument, revision=Revision(0)))
        if same is None:
            highest += 1
            same = msgspec.structs.replace(instrument, revision=Revision(highest))
        found.append(same)
    return msgspec.structs.replace(planned, instruments=tuple(found))


def with_own_memory(planned: Plan, recovery: Recovery) -> Recovery:
    """Leave behind the memory of another strategy than the one that is to quote now.

    It could not read it. Orders, ledger and latches are the account's and are carried on.
    """
    if planned.strategy.sha256 == recovery.strategy_sha256:
        return recovery
    memory = msgspec.msgpack.encode(planned.strategy.build().Memory())
    named = planned.core.strategy
    trading = tuple(
        msgspec.structs.replace(
            each, strategy=memory, parameters=named.parameters_json(each.instrument_id)
        )
        for each in recovery.carried.trading
    )
    carried = msgspec.structs.replace(recovery.carried, trading=trading)
    return msgspec.structs.replace(recovery, carried=carried)


def activate_parameters(planned: Plan, recovery: Recovery, session: Session, start: Stamp) -> None:
    """Let parameters that were changed in the settings since the last session count."""
    traded = {each.instrument_id for each in planned.instruments}
    for each in recovery.carried.trading:
        parameters = planned.core.strategy.parameters_json(each.instrument_id)
        if each.instrument_id in traded and each.parameters != parameters:
            activated = ParametersActivated(
                instrument_id=each.instrument_id, parameters=parameters, user="settings"
            )
            session.take(start, activated)


def open_session(
    planned: Plan,
    data: Path,
    start: Stamp,
    recovery: Recovery,
    send: Send,
    born: Birth | None = None,
) -> Session:
    """Begin a session in ``data``: when this returns, all of its beginning is on disk.

    ``start`` is the engine time at which it begins; its name is of the wall clock, unless ``born``
    says otherwise.
    """
    born = born or birth()
    recovery = with_own_memory(planned, recovery)
    running = here(planned.strategy, None)
    core = core_of(planned.core, planned.strategy, born.session)
    session = Session(JournalWriter.open(data, born.session, planned.journal), core, send)
    header = header_of(planned, born, running, start)
    session.take(start, header)
    session.take(start, StateCarried(core=recovery.carried))
    for instrument in planned.instruments:
        session.take(start, InstrumentRevised(instrument=instrument))
    activate_parameters(planned, recovery, session, start)
    session.observe(
        start,
        ServiceStarted(
            service="runtime",
            version=running.version,
            git_revision=running.git_revision,
            process=born.process,
            recovered_from=recovery.session,
        ),
    )
    session.observe(
        start,
        ConfigInitialised(path=str(planned.settings_path), sha256=header.settings_sha256),
    )
    if planned.mode not in VENUE_MODES:
        connect_paper(session, planned.instruments[0].venue, start)
    session.journal.sync()
    return session


def connect_paper(session: Session, venue: str, start: Stamp) -> None:
    """Open the connection of the paper venue, which is part of the core."""
    opened = ConnectionOpened(
        connection=PAPER_CONNECTION, venue=venue, purpose=Purpose.PAPER, channels=()
    )
    session.take(start, opened)
