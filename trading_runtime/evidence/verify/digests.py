"""The digests: read from log and archive, checked one against the next and against the tree."""

from pathlib import Path
from typing import NamedTuple

from trading_runtime.errors import Misread
from trading_runtime.evidence import digest as digests
from trading_runtime.evidence import layout, notes
from trading_runtime.evidence.digest import Digest
from trading_runtime.evidence.submission import event_time
from trading_runtime.evidence.verify.archive import Archive, Listing, fetch
from trading_runtime.evidence.verify.believed import Believed, Seen, open_checkpoint
from trading_runtime.evidence.verify.checks import Check
from trading_runtime.evidence.verify.findings import Finding, Findings
from trading_runtime.evidence.verify.stitch import Period
from trading_runtime.records.units import NANOS_PER_SECOND

SIGNATURE_REASONS = frozenset({"signature", "unsigned", "digest_key"})
DUE_AFTER = 4
"""A digest may come a fourth of a period after its period's end."""


class Kept(NamedTuple):
    """A digest that could be read, and the hash of its note."""

    digest: Digest
    note_hash: str
    where: str


class Digests(NamedTuple):
    """All digests by number, as far as they can be read; ``numbers`` are all that are held."""

    kept: dict[int, Kept]
    numbers: tuple[int, ...]
    missing: tuple[int, ...]
    """Up to the newest, and not in the log's folder; where there is no log, not in the archive."""
    missing_in_archive: tuple[int, ...]

    @property
    def newest(self) -> int:
        return max(self.numbers, default=0)


def read_digests(
    log: Path | None,
    archive: Archive | None,
    listing: Listing,
    believed: Believed,
    findings: Findings,
) -> Digests:
    """Read every digest that is held, and check each by itself."""
    mine = set(layout.digest_numbers(log)) if log is not None else set()
    theirs = {number for key in listing.keys if (number := _number(key)) is not None}
    kept = {}
    for number in sorted(mine | theirs):
        where = layout.digest_key(number)
        copies = [fetch(archive, where, listing, findings)]
        if log is not None and number in mine:
            copies.insert(0, read_file(layout.digest_path(log, number), findings))
        held = [copy for copy in copies if copy is not None]
        if len(set(held)) > 1:
            said = "log and archive hold different digests of this number"
            findings.add(Finding(check=Check.DIGEST_TWICE, said=said, where=where))
        if held and (found := _open(held[0], number, believed, findings)) is not None:
            kept[number] = Kept(found, digests.note_hash(held[0]), where)
    absent = mine - theirs - {max(mine, default=0)} if archive is not None else set()
    numbers = mine | theirs
    needed = set(range(1, max(numbers, default=0) + 1))
    missing = needed - (mine if log is not None else theirs)
    return Digests(kept, *(tuple(sorted(it)) for it in (numbers, missing, absent)))


def _number(key: str) -> int | None:
    name = key.removeprefix("digests/").removesuffix(".note")
    if not name.isdecimal() or not name.isascii() or layout.digest_key(int(name)) != key:
        return None
    return int(name)


def read_file(path: Path, findings: Findings) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError as fault:
        said = f"it cannot be read: {fault.strerror}"
        findings.add(Finding(check=Check.UNREADABLE, said=said, where=str(path)))
        return None


def _open(data: bytes, number: int, believed: Believed, findings: Findings) -> Digest | None:
    where = layout.digest_key(number)
    try:
        found = digests.open_digest(data, believed.trust)
    except Misread as misread:
        signature = misread.reason in SIGNATURE_REASONS
        check = Check.DIGEST_SIGNATURE if signature else Check.DIGEST_FORM
        findings.add(Finding(check=check, said=misread.detail, where=where))
        try:
            found = digests.read(notes.split(data)[0])
        except Misread:
            return None
    if found.digest_no != number:
        findings.add(
            Finding(
                check=Check.DIGEST_NUMBER,
                said="the digest carries another number",
                where=where,
                expected=str(number),
                found=str(found.digest_no),
            )
        )
    return found


def check_chain(held: Digests, believed: Believed, findings: Findings) -> None:
    """Check that digests follow one another: numbers, hashes, periods and ranges."""
    for number in held.missing:
        where = layout.digest_key(number)
        said = "there is no digest of this number"
        findings.add(Finding(check=Check.DIGEST_MISSING, said=said, where=where))
    for number, (digest, _, where) in held.kept.items():
        before = held.kept.get(number - 1)
        expected = None if before is None else before.note_hash
        first = number == 1
        unlinked = digest.previous_sha256 is None and not first
        if unlinked or ((before is not None or first) and digest.previous_sha256 != expected):
            findings.add(
                Finding(
                    check=Check.DIGEST_LINK,
                    said="it does not carry the hash of the digest before it",
                    where=where,
                    expected=expected,
                    found=digest.previous_sha256,
                )
            )
        start = 0 if number == 1 else None if before is None else before.digest.tree_size_to
        if start is not None and digest.tree_size_from != start:
            findings.add(
                Finding(
                    check=Check.DIGEST_RANGE,
                    said="its entries do not begin where those of the digest before it end",
                    where=where,
                    expected=str(start),
                    found=str(digest.tree_size_from),
                )
            )
        _check_period(number, digest, where, believed, findings)


def _check_period(
    number: int, digest: Digest, where: str, believed: Believed, findings: Findings
) -> None:
    wanted = [event_time(at * NANOS_PER_SECOND) for at in digests.period(believed.trust, number)]
    found = [digest.period_start, digest.period_end]
    if found != wanted:
        findings.add(
            Finding(
                check=Check.DIGEST_PERIOD,
                said="its period is not that of its number",
                where=where,
                expected=" to ".join(wanted),
                found=" to ".join(found),
            )
        )


def read_checkpoints(held: Digests, believed: Believed, findings: Findings) -> list[Seen]:
    """Read the checkpoints inside the digests; each has to cover its digest's entries."""
    seen = []
    for digest, _, where in held.kept.values():
        if digest.checkpoint is None:
            continue
        found = open_checkpoint(where, digest.checkpoint.encode(), believed, findings)
        if found is None:
            continue
        seen.append(found)
        size = found.accepted.checkpoint.size
        if size < digest.tree_size_to:
            findings.add(
                Finding(
                    check=Check.DIGEST_CHECKPOINT,
                    said="its checkpoint does not cover its entries",
                    where=where,
                    expected=str(digest.tree_size_to),
                    found=str(size),
                )
            )
    return seen


def periods(held: Digests) -> list[Period]:
    """Give the periods of the digests that can be compared: each begins where one before ends."""
    found: list[Period] = []
    for number, (digest, _, _) in sorted(held.kept.items()):
        first, end = digest.tree_size_from, digest.tree_size_to
        if first >= (found[-1].end if found else 0):
            found.append(Period(first, end, number))
    return found


def check_roots(held: Digests, roots: dict[int, bytes], findings: Findings) -> None:
    """Compare each digest's root with the tree at its end, where that is known."""
    for digest, _, where in held.kept.values():
        root = roots.get(digest.tree_size_to)
        if root is not None and root.hex() != digest.root_hash:
            findings.add(
                Finding(
                    check=Check.DIGEST_ROOT,
                    said=f"the tree has another root at size {digest.tree_size_to}",
                    where=where,
                    expected=digest.root_hash,
                    found=root.hex(),
                )
            )


def check_due(held: Digests, believed: Believed, now: int, findings: Findings) -> None:
    """Ask for the digest of each period that ended longer ago than a quarter of it."""
    trust = believed.trust
    due = digests.due(trust, now - trust.digest_period_seconds // DUE_AFTER)
    if held.newest < due:
        findings.add(
            Finding(
                check=Check.DIGEST_DUE,
                said="the newest digest that the clock asks for is not there",
                where=layout.digest_key(due),
                expected=str(due),
                found=str(held.newest),
            )
        )
