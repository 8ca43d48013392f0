"""``tapedeck run`` and ``tapedeck scribe``: the processes that ``up`` supervises, one at a time."""

import argparse
import signal
from pathlib import Path
from threading import Event as Flag

from trading_runtime.app.live import Live
from trading_runtime.app.opening import plan
from trading_runtime.config import SHIPPED, load_settings
from trading_runtime.journal.alone import alone
from trading_runtime.records.inputs import Mode
from trading_runtime.scribe import process as scribe

LOCK = Path("run") / "runtime.lock"
READY = "ready"
"""What a process prints, alone on a line, once it does its work."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    run = commands.add_parser("run", help="trade on paper against generated flow, one process")
    run.add_argument("--mode", choices=[Mode.PAPER.value], default=Mode.PAPER.value)
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


def stop_flag() -> Flag:
    """Give a flag that SIGTERM and SIGINT set."""
    flag = Flag()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: flag.set())
    return flag


def run_session(arguments: argparse.Namespace) -> int:
    stop = stop_flag()
    settings = load_settings(arguments.settings)
    planned = plan(
        settings,
        arguments.settings,
        Mode(arguments.mode),
        settings.instruments(),
        trading=True,
    )
    with alone(arguments.data / LOCK, f"another runtime trades in {arguments.data}"):
        live = Live(planned, settings.flow, arguments.data, stop)
        print(f"session {live.session.journal.session}", flush=True)  # noqa: T201 -- read by the supervisor
        print(READY, flush=True)  # noqa: T201 -- likewise
        live.run()
    return 0


def run_scribe(arguments: argparse.Namespace) -> int:
    stop = stop_flag()
    settings = load_settings(arguments.settings)
    print(READY, flush=True)  # noqa: T201 -- read by the supervisor
    scribe.run(arguments.data, settings.scribe, stop, once=arguments.once, finish=arguments.finish)
    return 0
