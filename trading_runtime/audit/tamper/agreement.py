"""What other principals read of the watch's memory: its copy of the heads, and its alarms.

The sequencer asks before it goes on (the start-up rule): who can write the database can write a
whole other history into it, but not into the memory of another principal.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from trading_runtime.audit.index.index import Index
from trading_runtime.audit.index.sqlite import connect_to_read
from trading_runtime.audit.tamper.finding import Finding
from trading_runtime.audit.tamper.memory import FILE, ORIGIN
from trading_runtime.errors import Refused
from trading_runtime.evidence import layout, trust

TOGETHER = 1_000
HEADS = "SELECT id, entity_id, version, current_hash FROM heads ORDER BY id"
ALARMS = "SELECT check_name, place, expected, found, entry FROM alarms ORDER BY raised_ns"
MEND = "find out who changed it; `tapedeck audit fork` goes on under a new origin"


def agrees(watch: Path, index: Index) -> int:
    """Compare every head that the watch below ``watch`` remembers; give how many there are.

    0 where no watch ever ran, or none yet on the log that a fork began.

    Raises:
        Refused: the index has an entity otherwise or not at all, or the copy cannot be read.
    """
    path = watch / FILE
    if not path.exists():
        return 0
    try:
        with closing(connect_to_read(path)) as db:
            if not _is_of(watch.parent, db):
                return 0
            heads = db.execute(HEADS)
            count = 0
            while part := heads.fetchmany(TOGETHER):
                _compare(part, index)
                count += len(part)
            return count
    except sqlite3.Error as error:
        raise Refused(f"the tamper watch's copy {path} cannot be read: {error}") from error


def raised(watch: Path) -> list[Finding]:
    """Give the alarms that the watch below ``watch`` has raised, the oldest first.

    Raises:
        Refused: its memory cannot be read.
    """
    path = watch / FILE
    if not path.exists():
        return []
    try:
        with closing(connect_to_read(path)) as db:
            return [Finding(*row) for row in db.execute(ALARMS)]
    except sqlite3.Error as error:
        raise Refused(f"the tamper watch's memory {path} cannot be read: {error}") from error


def _is_of(audit: Path, db: sqlite3.Connection) -> bool:
    """Tell whether what is remembered is of the log that ``audit`` holds now."""
    known = db.execute("SELECT value FROM state WHERE name = ?", (ORIGIN,)).fetchone()
    if known is None:  # it has not ended its first round
        return False
    origin = trust.read(layout.trust_path(audit).read_bytes()).origin
    return msgspec.json.decode(known[0], type=str) == origin


def _compare(part: list[tuple[int, str, int, str]], index: Index) -> None:
    found = index.hashes([row[0] for row in part])
    for number, entity_id, version, current_hash in part:
        if found.get(number) != current_hash:
            raise Refused(
                f"version {version} of {entity_id} is entry {number} with {current_hash} in the"
                f" tamper watch's copy, and {found.get(number, 'missing')} in the index: {MEND}"
            )
