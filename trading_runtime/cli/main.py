"""``tapedeck``: its commands, and how their errors reach a person."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from trading_runtime.errors import Fault, Refused
from trading_runtime.records.segments import Damaged

FAILED = 1
REFUSED = 2

MODULES = {
    "up": "up_command",
    "down": "up_command",
    "run": "run_commands",
    "scribe": "run_commands",
    "watchdog": "watchdog_command",
    "witness": "witness_command",
    "operator": "operator_command",
    "simulator": "simulator_command",
    "feed": "feed_command",
    "replay": "replay_command",
    "generate": "generate_command",
    "days": "days_command",
    "journal": "journal_commands",
    "search": "search_command",
    "verify": "verify_command",
    "proof": "verify_command",
    "audit": "audit_command",
    "lake": "lake_command",
    "archive": "archive_command",
}
"""Each command's module; only the one that is asked for is loaded: a restart waits for it."""


def build_parser(named: str) -> argparse.ArgumentParser:
    """Give the parser of the command ``named``, or of all where there is none such."""
    parser = argparse.ArgumentParser(
        prog="tapedeck",
        description="A market maker that records everything, and plays it back byte for byte.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    wanted = [MODULES[named]] if named in MODULES else list(dict.fromkeys(MODULES.values()))
    for module in wanted:
        import_module(f"trading_runtime.cli.{module}").add_to(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; an expected failure is one line on standard error, never a traceback."""
    words = sys.argv[1:] if arguments is None else arguments
    parsed = build_parser(words[0] if words else "").parse_args(words)
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
