"""The digests: read from log and archive, checked one against the next and against the tree."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from trading_runtime.errors import Misread
from trading_runtime.evidence import digest as digests
from trading_runtime.evidence import layout, notes
from trading_runtime.evidence.digest import Digest, ProducerRun
from trading_runtime.evidence.heads import Manifest
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
            copies.insert(0, _read(layout.digest_path(log, number), findings))
        held = [copy for copy in copies if copy is not None]
        if len(set(held)) > 1:
            said = "log and archive hold different digests of this number"
            findings.add(Finding(check=Check.DIGEST_TWICE, said=said, where=where))
        if held and (found := _open(held[0], number, believed, findings)) is not None:
            kept[number] = Kept(found, digests.note_hash(held[0]), where)
    absent = mine - theirs - {max(mine, default=0)} if archive is not None else set()
    return Digests(kept, tuple(sorted(mine | theirs)), tuple(sorted(absent)))


def _number(key: str) -> int | None:
    name = key.removeprefix("digests/").removesuffix(".note")
    if not name.isdecimal() or not name.isascii() or layout.digest_key(int(name)) != key:
        return None
    return int(name)


def _read(path: Path, findings: Findings) -> bytes | None:
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
    missing = sorted(set(range(1, held.newest + 1)) - set(held.numbers))
    for number in missing:
        where = layout.digest_key(number)
        said = "no one holds the digest of this number"
        findings.add(Finding(check=Check.DIGEST_MISSING, said=said, where=where))
    for number, (digest, _, where) in held.kept.items():
        before = held.kept.get(number - 1)
        expected = None if before is None else before.note_hash
        if (before is not None or number == 1) and digest.previous_sha256 != expected:
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


class PeriodChecks:
    """Compares what a period's entries say with its digest and its heads."""

    def __init__(
        self, held: Digests, log: Path | None, archive: Archive | None, listing: Listing
    ) -> None:
        self._held = held
        self._log = log
        self._archive = archive
        self._listing = listing

    def check(self, period: Period) -> Iterator[Finding]:
        """Called when all entries of a period have been taken, or skipped."""
        kept = self._held.kept.get(period.number)
        if kept is None:
            return
        copies = Findings()
        held = heads_copies(period.number, self._log, self._archive, self._listing, copies)
        yield from copies.sorted()
        yield from check_heads(period.number, kept, held)
        if period.whole:
            yield from _check_content(kept, period)
            text = heads_text(period)
            if held and held[0] != text:
                yield _heads_differ(kept, held[0], text)


def heads_copies(
    number: int,
    log: Path | None,
    archive: Archive | None,
    listing: Listing,
    findings: Findings,
) -> list[bytes]:
    """Give the heads of a digest from log and archive, as many copies as there are."""
    key = layout.heads_key(number)
    copies = [fetch(archive, key, listing, findings)]
    if log is not None and (log / key).exists():
        copies.insert(0, _read(log / key, findings))
    return [copy for copy in copies if copy is not None]


def check_heads(number: int, kept: Kept, held: list[bytes]) -> Iterator[Finding]:
    """Compare heads with what their digest says of them."""
    heads = kept.digest.heads
    if heads.key != layout.heads_key(number):
        said = f"the digest names {heads.key!r} for its heads"
        yield Finding(check=Check.HEADS_FORM, said=said, where=kept.where)
    if not held:
        yield Finding(check=Check.HEADS_MISSING, said="no one holds the heads", where=heads.key)
    for copy in dict.fromkeys(held):
        found = sha256(copy).hexdigest()
        if found != heads.sha256:
            yield Finding(
                check=Check.HEADS_FORM,
                said="the heads are not those that the digest names",
                where=heads.key,
                expected=heads.sha256,
                found=found,
            )
            continue
        try:
            manifest = Manifest.read(copy)
        except Misread as misread:
            yield Finding(check=Check.HEADS_FORM, said=misread.detail, where=heads.key)
            continue
        if (manifest.root().hex(), len(manifest.heads)) != (heads.root, heads.count):
            said = "the heads have another root or count than the digest says"
            yield Finding(check=Check.HEADS_FORM, said=said, where=heads.key)


def heads_text(period: Period) -> bytes:
    """Give the heads that follow from a period's entries."""
    lines = []
    for entity in sorted(period.lasts):
        first, (last, head) = period.firsts[entity].version, period.lasts[entity]
        lines.append(f"{entity}\t{first}\t{last}\t{last - first + 1}\t{head}\n")
    return "".join(lines).encode()


def _heads_differ(kept: Kept, held: bytes, wanted: bytes) -> Finding:
    mine, theirs = set(wanted.splitlines()), set(held.splitlines())
    odd = min(mine ^ theirs, default=b"")
    entity = odd.partition(b"\t")[0]
    pair = [
        next(
            (it.decode(errors="replace") for it in lines if it.partition(b"\t")[0] == entity), None
        )
        for lines in (theirs, mine)
    ]
    return Finding(
        check=Check.HEADS_LINES,
        said="the period's entries have other heads",
        where=kept.digest.heads.key,
        entity=entity.decode(errors="replace"),
        expected=pair[0],
        found=pair[1],
    )


def _check_content(kept: Kept, period: Period) -> Iterator[Finding]:
    digest = kept.digest
    runs = tuple(
        ProducerRun(id=key[0], boot=key[1], first_seq=run[0], last_seq=run[1], dropped=dropped)
        for key, run in sorted(period.runs.items())
        for dropped in (period.dropped.get(key, 0),)
    )
    pairs: tuple[tuple[str, object, object], ...] = (
        ("producers", digest.producers, runs),
        ("oldestEventTime", digest.oldest_event_time, period.oldest),
        ("newestEventTime", digest.newest_event_time, period.newest),
        ("alarms", digest.alarms, period.alarms),
    )
    for name, said, found in pairs:
        if said != found:
            yield Finding(
                check=Check.DIGEST_CONTENT,
                said=f"{name} is not what the period's entries say",
                where=kept.where,
                expected=str(said),
                found=str(found),
            )
