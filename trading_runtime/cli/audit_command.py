"""``tapedeck audit``: begin the audit record, keep it, watch it, search it, take care of it."""

import argparse
import os
import pwd
import secrets
import signal
from pathlib import Path
from threading import Event as Flag

from trading_runtime.audit import keys
from trading_runtime.audit.keys import Charter
from trading_runtime.cli.run_commands import tell
from trading_runtime.clock import wall_ns
from trading_runtime.config import SHIPPED, load_settings
from trading_runtime.errors import Misread, Refused
from trading_runtime.evidence import layout as places
from trading_runtime.evidence import trust
from trading_runtime.evidence.notes import Vkey
from trading_runtime.evidence.trust import Roles, Trust
from trading_runtime.records import layout

RUNTIME = "runtime"
"""The producer of what the journals hold; every other service submits under its own name."""
PRODUCERS = (RUNTIME, "opskit", "console", "platform")


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("audit", help="the audit record: begin, keep, watch, search it")
    deeds = parser.add_subparsers(required=True, metavar="WHAT")
    _add_init(deeds)


def _add_init(deeds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    init = _deed(deeds, "init", "make keys, policy and trust.json of a new log")
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
    init.add_argument("--role", action="append", default=[], metavar="ROLE=PRINCIPAL")
    init.set_defaults(run=run_init)


def _deed(
    deeds: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, meaning: str
) -> argparse.ArgumentParser:
    parser = deeds.add_parser(name, help=meaning)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--settings", type=Path, default=SHIPPED, metavar="FILE")
    return parser


def run_init(arguments: argparse.Namespace) -> int:
    begin(
        arguments.data,
        Charter(
            origin=arguments.origin or new_origin(),
            roles=named_roles(arguments.role),
            producers=(*PRODUCERS, *arguments.producer),
            witnesses=tuple((name, vkey_of(vkey), url) for name, vkey, url in arguments.witness),
            period_s=load_settings(arguments.settings).audit.digest_period_s,
        ),
    )
    return 0


def begin(data: Path, charter: Charter) -> None:
    """Begin a log and say what has to be kept in mind of it."""
    pin = keys.init(audit_of(data), charter, wall_ns())
    tell(f"log {charter.origin}")
    tell(f"pin {pin}")


def new_origin() -> str:
    """Give a name that no other log has, for where nobody chose one."""
    return f"tapedeck.local/{secrets.token_hex(4)}"


def named_roles(texts: list[str]) -> Roles:
    """Read ``role=principal``; whoever is not named is the user that we are."""
    here = pwd.getpwuid(os.getuid()).pw_name
    known = Roles.__struct_fields__
    roles = dict.fromkeys(known, here)
    for text in texts:
        role, _, principal = text.partition("=")
        if role not in known or not principal:
            raise Refused(f"{text!r} names no role: write one of {', '.join(known)} as ROLE=USER")
        roles[role] = principal
    return Roles(**roles)


def vkey_of(text: str) -> Vkey:
    try:
        return Vkey.parse(text)
    except Misread as misread:
        raise Refused(f"{text!r} is no verifier key: {misread.detail}") from None


def audit_of(data: Path) -> Path:
    return Path(layout.audit(data))


def trust_of(data: Path) -> Trust:
    """Read who is believed; raise :exc:`Refused` where no log was begun."""
    path = places.trust_path(audit_of(data))
    try:
        return trust.read(path.read_bytes())
    except FileNotFoundError:
        raise Refused(f"{path} is not there: begin a log with `tapedeck audit init`") from None
    except Misread as misread:
        raise Refused(f"{path} cannot be read: {misread}") from None


def stop_flag() -> Flag:
    """Give what SIGTERM and SIGINT set."""
    stop = Flag()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
