"""``tapedeck operator``: what a person may say to a running session, and what it says of itself."""

import argparse
from pathlib import Path

import msgspec

from trading_runtime.app.doorway import (
    Answer,
    Command,
    Line,
    Parameters,
    Status,
    StatusAsked,
    ask,
)
from trading_runtime.errors import Refused
from trading_runtime.records.inputs import Action

MEANINGS = {
    Action.PAUSE: "withdraw the quotes and place no more",
    Action.RESUME: "quote again; forgives a firing of the watchdog",
    Action.CANCEL_ALL: "cancel every own order now",
    Action.PANIC_STOP: "cancel all, close the position, latch",
    Action.CLEAR_PANIC: "open the latch of a PanicStop",
    Action.STOP: "cancel all and end the session in order",
    Action.SYNC: "compare our record with the venue's now",
}


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    operator = commands.add_parser("operator", help="command a running session, or ask how it is")
    verbs = operator.add_subparsers(required=True, metavar="ACTION")
    parsers = []
    for action, meaning in MEANINGS.items():
        parser = verbs.add_parser(action.value, help=meaning)
        parser.add_argument("--reason", required=True, metavar="TEXT", help="stands in the record")
        parser.set_defaults(run=run_command, action=action)
        parsers.append(parser)
    parameters = verbs.add_parser("parameters", help="give an instrument's strategy new parameters")
    parameters.add_argument("file", type=Path, metavar="FILE", help="JSON")
    parameters.add_argument("--instrument", required=True, metavar="ID")
    parameters.set_defaults(run=run_parameters)
    status = verbs.add_parser("status", help="ask what it does, and why not; changes nothing")
    status.set_defaults(run=run_status)
    for parser in (*parsers, parameters):
        parser.add_argument("--user", default="", metavar="NAME", help="beside the login name")
    for parser in (*parsers, parameters, status):
        parser.add_argument("--data", type=Path, default=Path("data"), metavar="DIR")
        parser.add_argument("--json", action="store_true", help="print the answer as one JSON line")


def run_command(arguments: argparse.Namespace) -> int:
    if not arguments.reason.strip():
        raise Refused("give a reason: it stands in the record")
    line = Command(action=arguments.action, reason=arguments.reason, user=arguments.user)
    return told(arguments, line, f"{arguments.action.value}: done")


def run_parameters(arguments: argparse.Namespace) -> int:
    try:
        text = arguments.file.read_bytes()
        # On one line, as the protocol wants it; numbers stay as they were written.
        compact = msgspec.json.format(text, indent=-1)
    except OSError as error:
        raise Refused(f"cannot read {arguments.file}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise Refused(f"{arguments.file} is no JSON: {error}") from error
    line = Parameters(
        instrument_id=arguments.instrument,
        parameters=msgspec.Raw(compact),
        user=arguments.user,
    )
    return told(arguments, line, f"{arguments.instrument}: parameters are active")


def run_status(arguments: argparse.Namespace) -> int:
    return told(arguments, StatusAsked(), "")


def told(arguments: argparse.Namespace, line: Line, done: str) -> int:
    """Say the line and print the answer; raise :exc:`Refused` with the runtime's own words."""
    answer: Answer = ask(arguments.data, line)
    if arguments.json:
        print(msgspec.json.encode(answer).decode())  # noqa: T201 -- its purpose
        return 0 if answer.ok else 1
    if not answer.ok:
        raise Refused(answer.error)
    print(done if answer.status is None else status_text(answer.status))  # noqa: T201 -- its purpose
    return 0


def status_text(status: Status) -> str:
    lines = [f"session {status.session}, {status.mode}"]
    for what, why in (
        ("PanicStop is latched", status.latched),
        ("the watchdog has fired", status.watchdog),
        ("nothing may be sent", status.lease),
    ):
        if why:
            lines.append(f"{what}: {why}")
    for market in status.markets:
        unknown = f" ({market.unknown_orders} unknown)" if market.unknown_orders else ""
        quoting = f"held: {market.held}" if market.held else "quoting"
        lines.append(
            f"{market.instrument_id}  {quoting}  position {market.position}"
            f"  {market.open_orders} open orders{unknown}"
        )
    lines += [
        f"{each.venue} {each.purpose} {'up' if each.up else 'DOWN'}" for each in status.connections
    ]
    return "\n".join(lines)
