"""Plays sessions back, all in one process of its own: ``python -m tests.live.replaying FOLDER…``.

What ``tapedeck replay --check`` does for one session, without a start for each.
"""

import sys
from pathlib import Path

from trading_runtime.app.provenance import differences, here
from trading_runtime.app.replay import open_header, replay_session
from trading_runtime.cli.main import FAILED, complain
from trading_runtime.journal.reader import read_session


def main(folders: list[str]) -> int:
    running = here(None, None)
    for name in folders:
        folder = Path(name)
        if next(read_session(folder), None) is None:
            continue  # killed before its first record was handed over: nothing was decided
        problems = differences(open_header(folder), running)
        replayed = replay_session(folder, 0, running)
        if problems or not replayed.ok:
            return complain(f"{name}: {problems} {replayed}", FAILED)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
