"""``tapedeck run`` and ``tapedeck scribe``: the processes that ``up`` supervises, one at a time."""

import argparse
import asyncio
import signal
from collections.abc import Coroutine
from pathlib import Path
from threading import Event as Flag

import msgspec
from uvloop import new_event_loop

from trading_runtime.app.live import trade
from trading_runtime.app.opening import plan
from trading_runtime.app.session import Session
from trading_runtime.cli.telling import READY, tell
from trading_runtime.config import SHIPPED, Settings, load_settings
from trading_runtime.errors import Refused
from trading_runtime.journal.alone import alone
from trading_runtime.records.inputs import Mode

LOCK = Path("run") / "runtime.lock"
MODES = (Mode.SIM, Mode.PAPER, Mode.LIVE)
ENVIRONMENTS = ("simulator", "testnet", "demo", "production")


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    run = commands.add_parser(
        "run", help="trade, one process: on a simulator, on paper, or for real"
    )
    add_venue_arguments(run)
    run.set_defaults(run=run_session)
    follow = commands.add_parser("scribe", help="follow the journal into logs and ticks")
    follow.add_argument("--once", action="store_true", help="end when all there is is written")
    follow.add_argument(
        "--finish", action="store_true", help="close the last minute and the logs too at the end"
    )
    follow.set_defaults(run=run_scribe)
    for parser in (run, follow):
        parser.add_argument("--data", type=Path, required=True, metavar="DIR")
        parser.add_argument("--settings", type=Path, default=SHIPPED, metavar="FILE")


def add_venue_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what says where orders go; each goes before the same setting of ``[venue]``."""
    parser.add_argument(
        "--mode",
        choices=[mode.value for mode in MODES],
        default=Mode.SIM.value,
        help="sim: a simulator; paper: the venue's data, filled here; live: real orders",
    )
    parser.add_argument("--environment", choices=ENVIRONMENTS, help="which installation is meant")
    parser.add_argument("--venue-url", metavar="URL", help="of the simulator")
    parser.add_argument("--keys", type=Path, metavar="FILE", help="API key, a file of mode 0600")
    parser.add_argument(
        "--acknowledge-real-orders",
        action="store_true",
        help="without it live refuses to start",
    )


def with_venue(settings: Settings, arguments: argparse.Namespace) -> Settings:
    """Let the command line's venue go before the file's, and see that it goes with the mode.

    Raises:
        Refused: real orders without an acknowledgement, or a mode on the wrong kind of venue.
    """
    changes: dict[str, str] = {}
    if arguments.environment:
        changes["environment"] = arguments.environment
    if arguments.venue_url:
        changes["url"] = arguments.venue_url
    if arguments.keys:
        changes["keys"] = str(arguments.keys)
    try:
        venue = msgspec.structs.replace(settings.venue, **changes)
    except ValueError as error:
        raise Refused(str(error)) from error
    check_mode(Mode(arguments.mode), venue.environment, arguments.acknowledge_real_orders)
    return msgspec.structs.replace(settings, venue=venue)


def check_mode(mode: Mode, environment: str, acknowledged: bool) -> None:  # noqa: FBT001 -- as parsed
    simulated = environment == "simulator"
    if mode is Mode.SIM and not simulated:
        raise Refused(f"sim trades on a simulator, and the settings name {environment}: use live")
    if mode is Mode.LIVE and simulated:
        raise Refused("live trades on a venue: name --environment testnet, demo or production")
    if mode is Mode.LIVE and not acknowledged:
        raise Refused(
            f"live sends orders to {environment} on the account of your key:"
            " read docs/operations.md, and say --acknowledge-real-orders"
        )


def stop_flag() -> Flag:
    """Give a flag that SIGTERM and SIGINT set."""
    flag = Flag()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: flag.set())
    return flag


def run_session(arguments: argparse.Namespace) -> int:
    settings = with_venue(load_settings(arguments.settings), arguments)
    mode = Mode(arguments.mode)
    planned = plan(settings, arguments.settings, mode, settings.instruments(), trading=True)

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await trade(planned, settings.venue, arguments.data, stop, tell_begun, tell)

    with alone(arguments.data / LOCK, f"another runtime trades in {arguments.data}"):
        run_on_loop(run())
    return 0


def run_on_loop(main: Coroutine[None, None, None]) -> None:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main)


def tell_begun(session: Session) -> None:
    tell(f"session {session.journal.session}")
    tell(READY)


def run_scribe(arguments: argparse.Namespace) -> int:
    # Its libraries take half a second to load, and a runtime that comes back has better to do.
    from trading_runtime.scribe import process as scribe  # noqa: PLC0415 -- see above

    stop = stop_flag()
    settings = load_settings(arguments.settings)
    tell(READY)
    scribe.run(arguments.data, settings.scribe, stop, once=arguments.once, finish=arguments.finish)
    return 0
