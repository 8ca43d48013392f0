"""``tapedeck up``: the whole main job under one supervisor; ``tapedeck down`` stops it.

By default it trades on a simulated venue that it starts itself, with the keys that this knows.
"""

import argparse
import asyncio
import os
import shutil
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from threading import Event as Flag

import msgspec

from trading_runtime.app.provenance import PACKAGE, here
from trading_runtime.app.replay import replay_session
from trading_runtime.app.summary import Summary, summarise
from trading_runtime.audit.keys import OWN_WITNESS, WITNESS, key_path
from trading_runtime.audit.settings import AuditSettings
from trading_runtime.cli.children import Child, HttpReady, LineReady
from trading_runtime.cli.output import Screen
from trading_runtime.cli.run_commands import add_venue_arguments, with_venue
from trading_runtime.cli.runlock import RunLock, stop_holder
from trading_runtime.cli.supervisor import Outcome, Supervisor
from trading_runtime.cli.telling import READY
from trading_runtime.clock import wall_ns
from trading_runtime.config import SHIPPED, load_settings
from trading_runtime.errors import Refused
from trading_runtime.evidence import layout as places
from trading_runtime.journal.folder import find_sessions
from trading_runtime.records import layout
from trading_runtime.records.inputs import Mode
from trading_runtime.records.units import NANOS_PER_MILLI, NANOS_PER_SECOND
from trading_runtime.simulator.server.settings import Key
from trading_runtime.simulator.server.symbols import TRADER, WATCHDOG

CHECKOUT = PACKAGE.parent
PROGRAM = (sys.executable, "-m", "trading_runtime.cli.main")
PORT = 3000
VENUE_PORT = 8900
PORTS_TRIED = 50
WITNESS_PORT = 8940
STOP_WITHIN_S = 150.0
IS_READY = LineReady(text=READY)
SHOWN_OF_RUNTIME = r"^(session |tapedeck: |audit tampered|Traceback)"
SHOWN_OF_DAGSTER = r"(Error|ERROR|Traceback|RUN_SUCCESS|RUN_FAILURE)"


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    up = commands.add_parser("up", help="run everything: venue, session, watchdog, scribe, Dagster")
    add_venue_arguments(up)
    up.add_argument("--watchdog-keys", type=Path, metavar="FILE", help="the watchdog's own API key")
    up.add_argument("--for", dest="seconds", type=float, metavar="SECONDS")
    up.add_argument("--port", type=int, default=PORT, help="of Dagster's pages, on loopback")
    up.add_argument("--settings", type=Path, default=SHIPPED, metavar="FILE")
    up.add_argument(
        "--with-past",
        action="store_true",
        help="in a new folder, first make up the two hours before this one, the second damaged",
    )
    up.set_defaults(run=run_up)
    down = commands.add_parser("down", help="stop what up started on this folder")
    down.set_defaults(run=run_down)
    for parser in (up, down):
        parser.add_argument("--data", type=Path, default=Path("data"), metavar="DIR")


def run_up(arguments: argparse.Namespace) -> int:
    data = arguments.data.absolute()
    run = data / "run"
    with RunLock(run):
        screen = Screen(sys.stdout)
        port = free_port(arguments.port)
        venue = venue_of(arguments, run)
        settings = with_venue(load_settings(arguments.settings), arguments)
        check_platform(arguments.settings)
        if arguments.with_past:
            make_past(screen, data, arguments.settings)
        known = set(find_sessions(data))
        auditing = auditors(data, arguments.settings.absolute(), settings.audit)
        children = [
            *venue,
            *auditing,
            *traders(data, arguments),
            *platform(data, port, arguments.settings),
        ]
        supervisor = Supervisor(children, run, screen)
        up = partial(tell, screen, data, port, arguments.venue_url or "")
        outcome = asyncio.run(supervisor.run(arguments.seconds, up))
        if arguments.seconds is None or outcome is not Outcome.STOPPED:
            return outcome
        # The last minute and hour are still open: with nobody writing, they can be closed.
        from trading_runtime.scribe import process as scribe  # noqa: PLC0415 -- slow to load, not for `run`

        scribe.run(data, settings.scribe, Flag(), once=True, finish=True)
        sound = judge(screen, [each for each in find_sessions(data) if each not in known])
        sound = judge_record(screen, data) and sound
        screen.say("all is well" if sound else "NOT well: see above")
        return 0 if sound else 1


def make_past(screen: Screen, data: Path, settings_file: Path) -> None:
    """Give a new folder two hours that are over; one that has sessions has a past of its own."""
    if find_sessions(data):
        return
    # Slow to load, and asked for once.
    from trading_runtime.cli.days_command import record_past  # noqa: PLC0415 -- see above

    screen.say("making up the two hours before this one; the second will be damaged")
    record_past(data, load_settings(settings_file), settings_file, screen.say)


def venue_of(arguments: argparse.Namespace, run: Path) -> list[Child]:
    """Give the simulated venue where none is named, and let the arguments lead to it."""
    if arguments.mode == Mode.LIVE.value or arguments.environment or arguments.venue_url:
        return []
    port = free_port(VENUE_PORT)
    arguments.venue_url = f"http://127.0.0.1:{port}"
    arguments.keys = key_file(run / "keys.toml", TRADER)
    arguments.watchdog_keys = key_file(run / "watchdog-keys.toml", WATCHDOG)
    # A venue's ids never go back; this one begins anew with each run on a folder.
    ids_after = str(wall_ns() // NANOS_PER_MILLI)
    command = (*PROGRAM, "simulator", "--port", str(port), "--ids-after", ids_after)
    return [child("simulator", command, LineReady(text='"port"'))]


def key_file(path: Path, key: Key) -> Path:
    """Write a key of the simulated venue where our processes look for keys."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f'key = "{key.key}"\nsecret = "{key.secret}"\n')
    return path


def auditors(data: Path, settings_file: Path, settings: AuditSettings) -> list[Child]:
    """Give the witness, the audit service and the tamper watch; begin a log where there is none.

    They start before and stop after the runtime, so that its last deed is in the record too. A
    witness of our own is started where the log was begun with one; it then has no other memory
    than this machine's, which the verifier says.
    """
    audit = Path(layout.audit(data))
    if not places.trust_path(audit).exists():
        # Slow to load, and asked for once.
        from trading_runtime.cli.audit_command import begin, charter  # noqa: PLC0415 -- see above

        begin(data, charter(settings.digest_period_s))
    common = ("--data", str(data))
    also = (*common, "--settings", str(settings_file))
    watch = audit_child("tamper-watch", (*PROGRAM, "audit", "watch", *also))
    command = (*PROGRAM, "audit", "run", *also)
    if not key_path(audit, WITNESS).exists():
        return [audit_child("audit", command), watch]
    port = free_port(WITNESS_PORT)
    witness = audit_child("witness", (*PROGRAM, "witness", *common, "--port", str(port)))
    own = ("--witness-at", f"{OWN_WITNESS}=http://127.0.0.1:{port}")
    return [witness, audit_child("audit", (*command, *own)), watch]


def audit_child(name: str, command: tuple[str, ...]) -> Child:
    """Give a process whose refusal does not stop trading: entries wait until it is mended."""
    return msgspec.structs.replace(child(name, command, IS_READY), essential=False)


def traders(data: Path, arguments: argparse.Namespace) -> list[Child]:
    """Give the watchdog, the runtime that it watches, and the scribe that follows both."""
    common = ("--data", str(data), "--settings", str(arguments.settings.absolute()))
    where: tuple[str, ...] = ("--mode", arguments.mode)
    if arguments.environment:
        where += ("--environment", arguments.environment)
    if arguments.venue_url:
        where += ("--venue-url", arguments.venue_url)
    if arguments.acknowledge_real_orders:
        where += ("--acknowledge-real-orders",)
    keys = key_option(arguments.keys)
    runtime = child("runtime", (*PROGRAM, "run", *common, *where, *keys), IS_READY)
    scribe_child = child("scribe", (*PROGRAM, "scribe", *common), IS_READY)
    if arguments.mode == Mode.PAPER.value:
        return [runtime, scribe_child]
    keys = key_option(arguments.watchdog_keys)
    watchdog = child("watchdog", (*PROGRAM, "watchdog", *common, *where, *keys), IS_READY)
    # Started before and stopped after what it watches.
    return [watchdog, runtime, scribe_child]


def key_option(file: Path | None) -> tuple[str, ...]:
    return () if file is None else ("--keys", str(file.absolute()))


def child(name: str, command: tuple[str, ...], ready: LineReady) -> Child:
    """Give one of our own processes."""
    return Child(
        name=name,
        command=command,
        variables=(),
        ready=ready,
        ready_within_s=60.0,
        stop_within_s=30.0,
        shown=SHOWN_OF_RUNTIME,
    )


def check_platform(settings: Path) -> None:
    """Raise :exc:`Refused` where the platform is not here, or refuses its part of the settings.

    It reads that itself, in a process of its own: the runtime imports nothing of it.
    """
    if not (Path(sys.executable).parent / "dagster-webserver").exists():
        raise Refused("Dagster is not installed: pip install 'tapedeck[runtime,platform]'")
    command = (sys.executable, "-m", "data_platform.settings", str(settings.absolute()))
    said = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- our own module
    if said.returncode:
        why = said.stderr.strip() or f"the platform's settings were not read: {said.returncode}"
        raise Refused(why.splitlines()[-1])


def platform(data: Path, port: int, settings: Path) -> list[Child]:
    """Give Dagster's webserver and daemon over the platform's code location."""
    scripts = Path(sys.executable).parent
    home = data / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(CHECKOUT / "data_platform" / "dagster.yaml", home / "dagster.yaml")
    workspace = str(CHECKOUT / "workspace.yaml")
    variables = (
        ("DAGSTER_HOME", str(home)),
        ("TAPEDECK_DATA", str(data)),
        ("TAPEDECK_SETTINGS", str(settings.absolute())),
        ("DAGSTER_DISABLE_TELEMETRY", "1"),
        ("GX_ANALYTICS_ENABLED", "false"),
    )
    address = ("-h", "127.0.0.1", "-p", str(port))
    return [
        Child(
            name="webserver",
            command=(str(scripts / "dagster-webserver"), *address, "-w", workspace),
            variables=variables,
            ready=HttpReady(url=f"http://127.0.0.1:{port}/server_info"),
            ready_within_s=300.0,
            stop_within_s=30.0,
            shown=SHOWN_OF_DAGSTER,
            resumes=True,
        ),
        Child(
            name="daemon",
            command=(str(scripts / "dagster-daemon"), "run", "-w", workspace),
            variables=variables,
            ready=LineReady(text="Instance is configured with the following daemons"),
            ready_within_s=300.0,
            stop_within_s=30.0,
            shown=SHOWN_OF_DAGSTER,
            resumes=True,  # what goes down with it is started again: data_platform/launching.py
        ),
    ]


def free_port(first: int) -> int:
    """Give the first port from ``first`` on that nobody listens on."""
    for port in range(first, first + PORTS_TRIED):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise Refused(f"no free port from {first} to {first + PORTS_TRIED - 1}: name one with --port")


def tell(screen: Screen, data: Path, port: int, venue_url: str) -> None:
    screen.say("everything is up; Ctrl-C stops it")
    screen.say(f"  Dagster   http://127.0.0.1:{port}")
    if venue_url:
        screen.say(f"  venue     {venue_url} (simulated; its ledger: {venue_url}/control/ledger)")
    screen.say(f"  logs      {data / 'logs'}")
    screen.say(f"  journal   {data / 'journal'}")
    screen.say(f"  lake      {data / 'lake'}")
    screen.say(f"  output of each process  {data / 'run'}")


def judge(screen: Screen, folders: list[Path]) -> bool:
    """Say what the sessions did and whether they play back the same; say if all is well.

    It is not where nothing was quoted or filled, or a gap was seen.
    """
    sound = bool(folders)
    running = here(None, None)
    for folder in folders:
        summary = summarise(folder)
        replayed = replay_session(folder, 0, running)
        tell_summary(screen, summary)
        screen.say(f"  replay      {'byte-identical' if replayed.ok else 'DIFFERS'}")
        sound = sound and replayed.ok and summary.sound
    return sound


def judge_record(screen: Screen, data: Path) -> bool:
    """Verify the audit record, and say whether it is whole and fresh."""
    from trading_runtime.evidence.verify.asked import Question  # noqa: PLC0415 -- not for `up`
    from trading_runtime.evidence.verify.verify import verify_folder  # noqa: PLC0415 -- likewise

    now = wall_ns() // NANOS_PER_SECOND
    report = verify_folder(Path(layout.audit(data)), Question(now=now))
    screen.say(f"audit record, {report.entries:,} entries")
    screen.say(f"  integrity {report.integrity}, completeness {report.completeness}")
    screen.say(f"  freshness {report.freshness}")
    if report.first is not None:
        screen.say(f"  {report.first.check}: {report.first.said}")
    return report.exit_status == 0


def tell_summary(screen: Screen, summary: Summary) -> None:
    screen.say(f"session {summary.session}, {summary.seconds} s")
    screen.say(f"  frames      {summary.frames:,}, {summary.quarantined} quarantined")
    screen.say(f"  gaps        {summary.gaps} in the book, {summary.trades_missed} in the trades")
    screen.say(f"  quotes      {summary.quotes:,} sets decided")
    screen.say(
        f"  orders      {summary.orders:,} placed, {summary.fills:,} fills, "
        f"{summary.cancels:,} cancels"
    )
    screen.say(f"  position    {summary.position}, equity {summary.equity}")
    screen.say(f"  PanicStops  {summary.panic_stops}")


def run_down(arguments: argparse.Namespace) -> int:
    holder = asyncio.run(stop_holder(arguments.data.absolute() / "run", STOP_WITHIN_S))
    if holder is None:
        print(f"tapedeck: nothing is up on {arguments.data}")  # noqa: T201 -- how a command speaks
    else:
        print(f"tapedeck: stopped process {holder}")  # noqa: T201 -- likewise
    return 0
