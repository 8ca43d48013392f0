"""``tapedeck generate``: a capture of seeded order flow, for a machine without recordings."""

import argparse
from pathlib import Path

import msgspec

from trading_runtime.config import SHIPPED, load_settings
from trading_runtime.core.venues.registry import VENUES
from trading_runtime.errors import Refused
from trading_runtime.simulator.recording import write_capture


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("generate", help="write a capture of generated order flow")
    parser.add_argument("--seed", type=int, help="the same seed gives the same bytes")
    parser.add_argument("--for", dest="seconds", type=int, required=True, metavar="SECONDS")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.gz")
    parser.add_argument("--venue", choices=sorted(VENUES), help="whose dialect the frames speak")
    parser.add_argument("--symbol")
    parser.add_argument("--busy", type=float, help="multiplies every arrival rate")
    parser.add_argument("--settings", type=Path, default=SHIPPED, metavar="FILE")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the capture and print its measures; exit 1 where one is out of its stated range."""
    flow = load_settings(arguments.settings).flow
    named = ("seed", "venue", "symbol", "busy")
    given = {name: value for name in named if (value := vars(arguments)[name]) is not None}
    try:
        report = write_capture(
            arguments.out, msgspec.structs.replace(flow, **given), arguments.seconds
        )
    except msgspec.ValidationError as error:
        raise Refused(str(error)) from error
    print(msgspec.json.format(msgspec.json.encode(report)).decode())  # noqa: T201 -- its purpose
    return int(bool(report.out_of_range))
