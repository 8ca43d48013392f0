"""``tapedeck replay``: play a session back and hold it against its journal.

Exit status 0: every output is byte-identical. 1: the first that differs is named. 2: code, strategy
or settings are not those of the session (``--anyway`` goes on with what is here and lists what is
decided differently).
"""

import argparse
import sys
from pathlib import Path

import msgspec

from trading_runtime.app.diff import Compared, diff_session
from trading_runtime.app.opening import plan
from trading_runtime.app.provenance import Provenance, differences, here, read_strategy
from trading_runtime.app.replay import Difference, Replayed, open_header, replay_session
from trading_runtime.cli.journal_commands import chosen_sessions
from trading_runtime.config import load_settings
from trading_runtime.core.settings import decode_settings, encode_settings
from trading_runtime.records.inputs import SessionOpened

EQUAL, DIFFERS, OTHER_CODE = 0, 1, 2


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("replay", help="play a recorded session back and compare")
    parser.add_argument("data", type=Path, metavar="DATA_DIR")
    parser.add_argument("--session", help="which session (default: the newest)")
    parser.add_argument(
        "--from-checkpoint", type=int, default=0, metavar="N", help="start where segment N ends"
    )
    parser.add_argument(
        "--check", action="store_true", required=True, help="compare every output, byte for byte"
    )
    parser.add_argument(
        "--anyway",
        action="store_true",
        help="go on with other code, strategy or settings: an open-loop diff of decisions",
    )
    parser.add_argument(
        "--settings", type=Path, metavar="FILE", help="hold these against the session's"
    )
    parser.add_argument("--json", action="store_true", help="print the verdict as one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    folder = chosen_sessions(arguments.data, arguments.session)[-1]
    header = open_header(folder)
    running = running_for(header, arguments.settings)
    differing = differences(header, running)
    if differing and not arguments.anyway:
        for line in differing:
            print(f"tapedeck: {line}", file=sys.stderr)  # noqa: T201 -- how a command speaks
        print("tapedeck: --anyway goes on and lists decisions that differ", file=sys.stderr)  # noqa: T201 -- likewise
        return OTHER_CODE
    if differing:
        compared = diff_session(folder, running)
        print(as_json(compared) if arguments.json else diff_text(compared))  # noqa: T201 -- its purpose
        return DIFFERS if compared.differing else EQUAL
    replayed = replay_session(folder, arguments.from_checkpoint, running)
    print(as_json(replayed) if arguments.json else replay_text(replayed))  # noqa: T201 -- its purpose
    return EQUAL if replayed.ok else DIFFERS


def running_for(header: SessionOpened, settings: Path | None) -> Provenance:
    """Look at what runs here: the code, the strategy's file as it is now, settings if named."""
    path, _, _ = header.strategy.rpartition(":")
    # A shipped strategy is code; a user's file that is gone is taken from the session itself.
    strategy = read_strategy(header.strategy) if path and Path(path).is_file() else None
    if settings is None:
        return here(strategy, None)
    session = decode_settings(header.settings)
    # The market is the session's; its limits and everything else are the file's.
    named = load_settings(settings)
    instruments = named.instruments()
    planned = plan(named, settings, header.mode, instruments, trading=session.trading)
    return here(planned.strategy, encode_settings(planned.core))


def as_json(verdict: Replayed | Compared) -> str:
    return msgspec.json.encode(verdict).decode()


def replay_text(replayed: Replayed) -> str:
    counted = (
        f"session {replayed.session}: {replayed.inputs:,} inputs, {replayed.outputs:,} outputs, "
        f"{replayed.checkpoints} checkpoints"
    )
    if replayed.damage:
        return f"{counted}; the journal is damaged: {replayed.damage}"
    if replayed.difference is not None:
        return f"{counted}; {difference_text(replayed.difference)}"
    return f"{counted}; every output is byte-identical"


def diff_text(compared: Compared) -> str:
    counted = f"{compared.differing:,} of {compared.steps:,} steps decide differently"
    lines = [f"session {compared.session}: {counted} ({compared.forced} checkpoints forced)"]
    lines += [f"  only recorded: {count} {name}" for name, count in compared.recorded_only.items()]
    lines += [f"  only replayed: {count} {name}" for name, count in compared.replayed_only.items()]
    lines += [difference_text(difference) for difference in compared.first]
    return "\n".join(lines)


def difference_text(difference: Difference) -> str:
    return (
        f"record {difference.seq} differs (caused by input {difference.cause})\n"
        f"  recorded: {difference.recorded}\n  replayed: {difference.replayed}"
    )
