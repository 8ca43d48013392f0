"""``tapedeck``: its commands, and how their errors reach a person."""

import argparse
import sys
from collections.abc import Sequence

from trading_runtime.cli import (
    feed_command,
    generate_command,
    journal_commands,
    operator_command,
    replay_command,
    run_commands,
    simulator_command,
    up_command,
    watchdog_command,
)
from trading_runtime.errors import Fault, Refused
from trading_runtime.records.segments import Damaged

FAILED = 1
REFUSED = 2

COMMANDS = (
    up_command,
    feed_command,
    replay_command,
    generate_command,
    journal_commands,
    run_commands,
    operator_command,
    simulator_command,
    watchdog_command,
)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tapedeck",
        description="A market maker that records everything, and plays it back byte for byte.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; an expected failure is one line on standard error, never a traceback."""
    parsed = build_parser().parse_args(arguments)
    try:
        status: int = parsed.run(parsed)
    except Refused as refused:
        return complain(str(refused), REFUSED)
    except BrokenPipeError:
        return 0  # whoever read our output has seen enough
    except (Fault, Damaged, OSError) as failed:
        return complain(str(failed), FAILED)
    except KeyboardInterrupt:
        return 130
    return status


def complain(message: str, status: int) -> int:
    print(f"tapedeck: {message}", file=sys.stderr)  # noqa: T201 -- how a command speaks
    return status


if __name__ == "__main__":
    sys.exit(main())
