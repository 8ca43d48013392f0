"""``tapedeck watchdog``: the process that withdraws a runtime's orders when it stops breathing."""

import argparse
import asyncio
import os
import signal
from pathlib import Path

import msgspec

from trading_runtime.app.access import Access
from trading_runtime.cli.aside import aside
from trading_runtime.cli.run_commands import add_venue_arguments, with_venue
from trading_runtime.cli.telling import READY, tell
from trading_runtime.clock import Clock
from trading_runtime.config import SHIPPED, Settings, load_settings
from trading_runtime.core.venues.registry import VENUES
from trading_runtime.errors import Refused
from trading_runtime.gateway.keys import ApiKey, key_from_environment, key_from_file
from trading_runtime.journal.alone import alone
from trading_runtime.records import layout
from trading_runtime.records.envelope import Kind
from trading_runtime.records.observations import KeyUsed
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.watch.asking import Asking
from trading_runtime.watch.watchdog import Charge, Watchdog

LOCK = Path("run") / "watchdog.lock"
ENVIRONMENT_PREFIX = "TAPEDECK_WATCHDOG"
ANSWER_NS = Nanos(3 * NANOS_PER_SECOND)
"""To list and to cancel can be asked again at once, so nothing is gained by waiting longer."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "watchdog", help="cancel the runtime's orders when it has stopped breathing"
    )
    add_venue_arguments(parser)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--settings", type=Path, default=SHIPPED, metavar="FILE")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = with_venue(load_settings(arguments.settings), arguments)
    key = own_key(arguments.keys)
    with alone(arguments.data / LOCK, f"another watchdog watches {arguments.data}"):
        asyncio.run(watch(settings, key, arguments.data))
    return 0


def own_key(path: Path | None) -> ApiKey:
    """Take the watchdog's key, which is not the runtime's: what bars one must not bar both.

    Raises:
        Refused: there is none, or it may be read by others.
    """
    if path is not None:
        return key_from_file(path)
    key = key_from_environment(os.environ, ENVIRONMENT_PREFIX)  # noqa: TID251 -- where keys live
    if key is None:
        raise Refused(
            f"no API key: set {ENVIRONMENT_PREFIX}_KEY and {ENVIRONMENT_PREFIX}_SECRET, or name a"
            " file of mode 0600 with --keys; it has to be another key than the runtime's"
        )
    return key


async def watch(settings: Settings, key: ApiKey, data: Path) -> None:
    """Watch until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    venue = VENUES[settings.instruments()[0].venue]
    limits = msgspec.structs.replace(settings.venue, answer_timeout_ns=ANSWER_NS)
    access = Access(venue, limits, key, data)
    clock = Clock()
    try:
        with aside(Path(layout.watchdog(data)), "watchdog", clock) as diary:
            used = KeyUsed(fingerprint=access.fingerprint, environment=settings.venue.environment)
            diary.write(Kind.OBSERVATION, used)
            asking = Asking(
                venue, settings.instruments(), access.ask, access.redactor.redact, diary, clock
            )
            charge = Charge(
                settings.instruments(),
                settings.engine.oms.owner_prefix,
                settings.venue.watchdog_margin_ns,
            )
            watchdog = Watchdog(data, charge, asking, diary, tell)
            tell(READY)
            await watchdog.run(stop)
    finally:
        await access.close()
