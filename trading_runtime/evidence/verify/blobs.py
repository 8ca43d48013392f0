"""Large values that entries name by their hash."""

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from trading_runtime.evidence.layout import blob_path
from trading_runtime.evidence.verify.checks import Check
from trading_runtime.evidence.verify.findings import Finding
from trading_runtime.evidence.verify.rows import Row

MARK = b'"$sha256":'
MEMBERS = {"$len", "$sha256"}
_HASH = re.compile("[0-9a-f]{64}")


def references(row: Row) -> Iterator[tuple[str, int]]:
    """Give hash and length of each value of an entry that stands in a blob."""
    for state in (row.after_state, row.before_state, row.request_data):
        if state is not None and state.keys() == MEMBERS:
            hashed, length = state["$sha256"], state["$len"]
            if isinstance(hashed, str) and _HASH.fullmatch(hashed) and type(length) is int:
                yield hashed, length


def check_blobs(
    log: Path, entries: Sequence[bytes], rows: Sequence[Row | None], first: int
) -> Iterator[Finding]:
    """Read each blob that the entries, the first of them number ``first``, name."""
    marked = [place for place, entry in enumerate(entries) if MARK in entry]
    for index, row in ((first + place, rows[place]) for place in marked):
        if row is None:
            continue
        for hashed, length in references(row):
            finding = _check(blob_path(log, hashed), hashed, length, index, row)
            if finding is not None:
                yield finding


def _check(path: Path, hashed: str, length: int, index: int, row: Row) -> Finding | None:
    try:
        blob = path.read_bytes()
    except FileNotFoundError:
        check, said, found = Check.BLOB_MISSING, "the blob is not there", None
    except OSError as fault:
        check, said, found = Check.UNREADABLE, f"the blob cannot be read: {fault.strerror}", None
    else:
        found = sha256(blob).hexdigest()
        if (found, len(blob)) == (hashed, length):
            return None
        check, said = Check.BLOB_HASH, f"the blob has {len(blob)} bytes where {length} belong"
        if len(blob) == length:
            said = "the blob is not what the entry names"
    return Finding(
        check=check,
        said=said,
        where=str(path),
        index=index,
        entity=row.entity_id,
        version=row.version,
        expected=hashed,
        found=found,
    )
