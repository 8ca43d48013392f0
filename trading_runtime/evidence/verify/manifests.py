"""What a digest says of its period's entries, and its heads, against these entries."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from trading_runtime.errors import Misread
from trading_runtime.evidence import layout
from trading_runtime.evidence.digest import Heads, ProducerRun
from trading_runtime.evidence.heads import Manifest
from trading_runtime.evidence.verify.archive import Archive, Listing, fetch
from trading_runtime.evidence.verify.checks import Check
from trading_runtime.evidence.verify.digests import Digests, Kept, read_file
from trading_runtime.evidence.verify.findings import Finding, Findings
from trading_runtime.evidence.verify.stitch import Period
from trading_runtime.records.merkle import leaf_hash, root_of


class Copy(NamedTuple):
    """Heads as somebody holds them; ``sound`` where each line is already known to be right."""

    heads: Heads
    content: bytes
    sound: bool


class PeriodChecks:
    """Compares each period with its digest as soon as its entries were taken, or skipped.

    ``copies`` are the heads found on the way; their root is a task of its own: :func:`read_copy`.
    """

    def __init__(
        self, held: Digests, log: Path | None, archive: Archive | None, listing: Listing
    ) -> None:
        self.copies: list[Copy] = []
        self._held = held
        self._log = log
        self._archive = archive
        self._listing = listing

    def check(self, period: Period) -> Iterator[Finding]:
        kept = self._held.kept.get(period.number)
        if kept is None:
            return
        heads, key = kept.digest.heads, layout.heads_key(period.number)
        if heads.key != key:
            said = f"the digest names {heads.key!r} for its heads"
            yield Finding(check=Check.HEADS_FORM, said=said, where=kept.where)
        unread = Findings()
        held = heads_copies(period.number, self._log, self._archive, self._listing, unread)
        yield from unread.sorted()
        if not held:
            yield Finding(check=Check.HEADS_MISSING, said="no one holds the heads", where=key)
        wanted = heads_text(period) if period.whole else None
        self.copies += [Copy(heads, copy, copy == wanted) for copy in dict.fromkeys(held)]
        if wanted is not None:
            yield from _check_content(kept, period)
            if held and held[0] != wanted:
                yield _heads_differ(kept, held[0], wanted)


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
        copies.insert(0, read_file(log / key, findings))
    return [copy for copy in copies if copy is not None]


def read_copy(copy: Copy) -> list[Finding]:
    """Compare heads with what their digest says of them."""
    heads, content, sound = copy
    found = sha256(content).hexdigest()
    if found != heads.sha256:
        said = "the heads are not those that the digest names"
        return [_form(heads, said, heads.sha256, found)]
    if not sound:
        try:
            Manifest.read(content)
        except Misread as misread:
            return [_form(heads, misread.detail)]
    lines = content.split(b"\n")[:-1]
    root = root_of([leaf_hash(line) for line in lines]).hex()
    if (root, len(lines)) != (heads.root, heads.count):
        return [_form(heads, "their root or count is not what the digest says", heads.root, root)]
    return []


def _form(
    heads: Heads, said: str, expected: str | None = None, found: str | None = None
) -> Finding:
    return Finding(
        check=Check.HEADS_FORM, said=said, where=heads.key, expected=expected, found=found
    )


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
