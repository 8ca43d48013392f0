"""``tapedeck audit``: begin the audit record, and run the processes that keep and watch it."""

import argparse
import secrets
import signal
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Event as Flag

import msgspec

from trading_runtime.audit import keys
from trading_runtime.audit.client.opening import open_producer
from trading_runtime.audit.keys import Charter
from trading_runtime.audit.relay.relay import Relay
from trading_runtime.audit.settings import AuditSettings
from trading_runtime.audit.tamper import watch
from trading_runtime.cli import audit_care as care
from trading_runtime.cli.aside import aside
from trading_runtime.cli.audit_ground import (
    add_deed,
    audit_of,
    pair,
    subjects_of,
    trust_of,
    user_name,
    vkey_of,
)
from trading_runtime.cli.telling import READY, tell
from trading_runtime.clock import Clock, wall_ns
from trading_runtime.config import load_settings
from trading_runtime.errors import Refused
from trading_runtime.evidence.trust import Roles
from trading_runtime.journal.alone import alone
from trading_runtime.records import layout

RUNTIME = "runtime"
"""The producer of what the journals hold; every other service submits under its own name."""
PRODUCERS = (RUNTIME, "opskit", "console", "platform")
RELAY_WAIT_S = 0.05


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("audit", help="the audit record: begin, keep, watch, search it")
    deeds = parser.add_subparsers(required=True, metavar="WHAT")
    _add_init(deeds)
    run = add_deed(deeds, "run", "take entries in: relay and sequencer, one process")
    run.add_argument("--no-relay", action="store_true", help="the journals' relay runs elsewhere")
    run.add_argument(
        "--rebuild-index", action="store_true", help="make the index anew from the frames"
    )
    run.set_defaults(run=run_service)
    pruning = add_deed(deeds, "prune", "let go of the frames of blocks that the archive holds")
    pruning.add_argument(
        "--keep", type=int, required=True, metavar="N", help="of the newest full blocks"
    )
    pruning.set_defaults(run=run_prune)
    for parser in (run, pruning):
        parser.add_argument(
            "--witness-at",
            action="append",
            default=[],
            metavar="NAME=URL",
            help="where a witness of the policy listens",
        )
    relay = add_deed(deeds, "relay", "submit what the journals hold, as the runtime's own user")
    relay.set_defaults(run=run_relay)
    watch = add_deed(deeds, "watch", "raise the alarm when somebody changes the record")
    watch.set_defaults(run=run_watch)
    care.add_to(deeds)


def _add_init(deeds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    init = add_deed(deeds, "init", "make keys, policy and trust.json of a new log")
    init.add_argument("--origin", metavar="NAME", help="of the log, in the world: HOST/NAME")
    init.add_argument(
        "--producer",
        action="append",
        default=[],
        metavar="NAME",
        help=f"who may submit besides {', '.join(PRODUCERS)}",
    )
    init.add_argument(
        "--witness",
        action="append",
        nargs=3,
        default=[],
        metavar=("NAME", "VKEY", "URL"),
        help="one that runs elsewhere; all that are named have to cosign (default: one here)",
    )
    init.add_argument(
        "--quorum", type=int, metavar="N", help="so many of the witnesses suffice (default: all)"
    )
    init.add_argument("--role", action="append", default=[], metavar="ROLE=PRINCIPAL")
    init.set_defaults(run=run_init)


def run_init(arguments: argparse.Namespace) -> int:
    decided = charter(load_settings(arguments.settings).audit.digest_period_s)
    witnesses = tuple((name, vkey_of(vkey), url) for name, vkey, url in arguments.witness)
    begin(
        arguments.data,
        msgspec.structs.replace(
            decided,
            origin=arguments.origin or decided.origin,
            roles=named_roles(arguments.role),
            producers=(*decided.producers, *arguments.producer),
            witnesses=witnesses,
            quorum=arguments.quorum,
        ),
    )
    return 0


def charter(period_s: int) -> Charter:
    """Give the charter of a log that is begun without a wish: all roles are ours."""
    return Charter(
        # A name that no other log has.
        origin=f"tapedeck.local/{secrets.token_hex(4)}",
        roles=named_roles([]),
        producers=PRODUCERS,
        period_s=period_s,
    )


def begin(data: Path, charter: Charter) -> None:
    """Begin a log and say what has to be kept in mind of it."""
    pin = keys.init(audit_of(data), charter, wall_ns())
    tell(f"log {charter.origin}")
    tell(f"pin {pin}")


def named_roles(texts: list[str]) -> Roles:
    """Read ``role=principal``; whoever is not named is the user that we are."""
    here = user_name()
    known = Roles.__struct_fields__
    roles = dict.fromkeys(known, here)
    for text in texts:
        role, principal = pair(text)
        if role not in known:
            raise Refused(f"{role!r} is no role: there are {', '.join(known)}")
        roles[role] = principal
    return Roles(**roles)


def run_service(arguments: argparse.Namespace) -> int:
    from trading_runtime.cli import audit_log  # noqa: PLC0415 -- slow to load: it asks witnesses

    return audit_log.run(arguments, stop_flag(), partial(open_relay, arguments.data))


def run_prune(arguments: argparse.Namespace) -> int:
    from trading_runtime.cli import audit_log  # noqa: PLC0415 -- slow to load: it asks witnesses

    return audit_log.prune(arguments)


def run_relay(arguments: argparse.Namespace) -> int:
    """Submit until SIGTERM; another process sequences."""
    stop = stop_flag()
    relay = open_relay(arguments.data, load_settings(arguments.settings).audit)
    tell(READY)
    told = ""
    with closing(relay):
        while not stop.wait(RELAY_WAIT_S):
            relay.turn(wall_ns())
            if relay.trouble != told:
                told = relay.trouble
                tell(f"relay: {told or 'entries and receipts go their way again'}")
        relay.finish(wall_ns())
    return 0


def run_watch(arguments: argparse.Namespace) -> int:
    data: Path = arguments.data
    stop = stop_flag()
    root = Path(layout.tamper_watch(data))
    with (
        alone(root / "lock", f"another process watches the record below {data}"),
        aside(root, "tamper-watch", Clock()) as diary,
    ):
        tell(READY)
        watch.run(data, load_settings(arguments.settings).audit, stop, diary, tell)
    return 0


def open_relay(data: Path, settings: AuditSettings) -> Relay:
    """Open the producer of what the journals hold, with its key and its place."""
    subjects = subjects_of(data) if settings.encrypt_personal else None
    return Relay(data, trust_of(data).origin, open_producer(data, settings, RUNTIME), subjects)


def stop_flag() -> Flag:
    """Give what SIGTERM and SIGINT set."""
    stop = Flag()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
