"""``tapedeck replay``: play a session back and hold it against its journal.

Exit status 0: every output is byte-identical. 1: the first that differs is named. 2: code, strategy
or settings are not those of the session (``--anyway`` goes on with what is here).
"""

import argparse
import sys
from pathlib import Path

import msgspec

from trading_runtime.app.diff import diff_session
from trading_runtime.app.provenance import here, read_strategy
from trading_runtime.app.replay import Replayed, open_header, replay_session
from trading_runtime.cli.journal_commands import chosen_sessions
from trading_runtime.config import load_settings
from trading_runtime.core.settings import encode_settings

EQUAL, DIFFERS, OTHER_CODE = 0, 1, 2


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    replay = commands.add_parser("replay", help="play a recorded session back and compare")
    replay.add_argument("data", type=Path, metavar="DATA_DIR")
    replay.add_argument("--session", help="which session (default: the newest)")
    replay.add_argument(
        "--from-checkpoint", type=int, default=0, metavar="N", help="start where segment N ends"
    )
    replay.add_argument("--check", action="store_true", help="compare every output, byte for byte")
    replay.add_argument(
        "--anyway",
        action="store_true",
        help="go on with other code, strategy or settings: an open-loop diff of decisions",
    )
    replay.add_argument("--settings", type=Path, help="settings to hold against the session's")
    replay.add_argument("--json", action="store_true", help="print the verdict as JSON")
    replay.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    folder = chosen_sessions(arguments.data, arguments.session)[-1]
    header = open_header(folder)
    path, _, _ = header.strategy.rpartition(":")
    # A shipped strategy is code; a user's file that is gone is taken from the session itself.
    strategy = read_strategy(header.strategy) if path and Path(path).is_file() else None
    settings = None
    if arguments.settings is not None:
        loaded = load_settings(arguments.settings)
        settings = encode_settings(loaded.core(header.strategy, strategy, trading=True))
    running = here(strategy, settings)
