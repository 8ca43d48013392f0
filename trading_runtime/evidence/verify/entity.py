"""One entity: its whole history, and that there is no more of it, without reading the whole log.

The heads of each digest are bound by the digest's signature and searched to the last byte; so are
the entries behind the last digest. Each entry found is proven in the tree. The index database says
where to look first, and whatever it leaves out is noticed by the versions that the heads count.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple

from trading_runtime.errors import Misread
from trading_runtime.evidence import canonical, layout
from trading_runtime.evidence.checkpoint import parse_number
from trading_runtime.evidence.entry import current_hash, genesis
from trading_runtime.evidence.tiles import TileReader
from trading_runtime.evidence.verify import plan
from trading_runtime.evidence.verify.blobs import check_blobs
from trading_runtime.evidence.verify.checks import Check
from trading_runtime.evidence.verify.digests import Kept
from trading_runtime.evidence.verify.findings import Finding
from trading_runtime.evidence.verify.manifests import heads_copies
from trading_runtime.evidence.verify.places import Found, Places
from trading_runtime.evidence.verify.rows import Row, read_rows
from trading_runtime.evidence.verify.spans import First, Last, link
from trading_runtime.evidence.verify.verification import Verification
from trading_runtime.records.merkle import (
    CompactRange,
    ProofWrong,
    inclusion_proof,
    leaf_hash,
    verify_inclusion,
)


class Line(NamedTuple):
    """A line of the entity in the heads of a digest: versions ``first`` to ``last``."""

    first: int
    last: int
    hashed: str
    kept: Kept


def verify_entity(run: Verification, entity_id: str) -> int:
    """Verify one entity; what is wrong is among the run's findings. Give its number of entries."""
    run.check_upper_tiles()
    lines = list(_lines(run, entity_id))
    _check_lines(run, entity_id, lines)
    found = list(_find(run, places_of(run), entity_id, lines))
    _check_entries(run, entity_id, found, lines)
    if not found and not lines:
        run.notices.append(f"the log has no entry of {entity_id}")
    run.notices.append("producers' signatures are over whole boots: they are checked with --all")
    return len(found)


def places_of(run: Verification) -> Places:
    """Give the entries of a run's log, one by one."""
    evidence = run.evidence
    sources = plan.sources(evidence.log, run.listing.keys, run.witnessed)
    origin = run.believed.trust.origin
    return Places(sources, evidence.archive, run.listing, origin, run.findings)


def _lines(run: Verification, entity_id: str) -> Iterator[Line]:
    """Search the heads of every digest to the last byte, once they are what the digest signed."""
    needle = f"\n{entity_id}\t".encode()
    for number, kept in sorted(run.held.kept.items()):
        evidence, key = run.evidence, layout.heads_key(number)
        held = heads_copies(number, evidence.log, evidence.archive, run.listing, run.findings)
        right = [it for it in held if sha256(it).hexdigest() == kept.digest.heads.sha256]
        if held and len(right) < len(held):
            said = "the heads are not those that the digest names"
            run.findings.add(Finding(check=Check.HEADS_FORM, said=said, where=key))
        if not held:
            said = "no one holds the heads"
            run.findings.add(Finding(check=Check.HEADS_MISSING, said=said, where=key))
        text = b"\n" + (right[0] if right else b"")
        place = text.find(needle)
        while place >= 0:
            line = text[place + 1 : text.find(b"\n", place + 1)].split(b"\t")
            place = text.find(needle, place + 1)
            try:
                first, last = parse_number(line[1].decode()), parse_number(line[2].decode())
                yield Line(first, last, line[4].decode(), kept)
            except (Misread, IndexError, UnicodeDecodeError):
                said = "a line of the heads cannot be read"
                run.findings.add(Finding(check=Check.HEADS_FORM, said=said, where=key))


def _check_lines(run: Verification, entity_id: str, lines: list[Line]) -> None:
    expected = 1
    for line in lines:
        if line.first != expected or line.last < line.first:
            run.findings.add(
                Finding(
                    check=Check.HEADS_CHAIN,
                    said="its line does not go on where the one before ended",
                    where=line.kept.digest.heads.key,
                    entity=entity_id,
                    version=line.first,
                    expected=str(expected),
                    found=str(line.first),
                )
            )
        expected = line.last + 1


def _find(run: Verification, places: Places, entity_id: str, lines: list[Line]) -> Iterator[Found]:
    """Give the entity's entries in the order of the log: by the index's hint, or by search."""
    needle = b'"entityId":' + canonical.encode([entity_id])[1:-1] + b","
    newest = max(run.held.kept, default=0)
    covered = run.held.kept[newest].digest.tree_size_to if newest else 0
    hints = _hints(run, entity_id)
    for line in lines:
        first, end = line.kept.digest.tree_size_from, line.kept.digest.tree_size_to
        hinted = [at for at in hints if first <= at < end]
        found = [Found(at, entry) for at in hinted if (entry := places.entry(at)) is not None]
        if len(found) != line.last - line.first + 1 or not all(needle in it.entry for it in found):
            found = list(places.search(needle, first, end))
        yield from found
    behind = places.between(covered, run.witnessed)
    _prove_end(run, covered, behind)
    yield from (Found(at, it) for at, it in enumerate(behind, covered) if needle in it)
    yield from places.search(needle, max(covered, run.witnessed), places.end)


def _prove_end(run: Verification, first: int, entries: list[bytes]) -> None:
    """Prove all entries behind the last digest at once: no one there was left out or changed."""
    log, top = run.evidence.log, run.top
    if log is None or top is None or first >= run.witnessed:
        return
    if first + len(entries) < run.witnessed:
        run.findings.add(run.missing(first + len(entries), run.witnessed, "frames"))
        return
    reader = TileReader(log, run.witnessed)
    state = []
    place = 0
    for level in reversed(range(first.bit_length())):
        if first >> level & 1:
            try:
                state.append(reader.hash_at(level, place >> level))
            except (Misread, OSError) as fault:
                run.findings.add(Finding(check=Check.TILE_MISSING, said=str(fault)))
                return
            place += 1 << level
    tree = CompactRange(first, state)
    for it in entries:
        tree.append(leaf_hash(it))
    root = top.accepted.checkpoint.root
    if tree.root() != root:
        run.findings.add(
            Finding(
                check=Check.TREE_ROOT,
                said=f"the entries from {first} on, behind the last digest, are not the tree's",
                expected=root.hex(),
                found=tree.root().hex(),
            )
        )


def _hints(run: Verification, entity_id: str) -> list[int]:
    index = run.evidence.index
    try:
        return [] if index is None else index.find(entity_id)
    except Misread as misread:
        run.notices.append(f"the index gave no hint: {misread}")
        return []


def _check_entries(
    run: Verification, entity_id: str, found: list[Found], lines: list[Line]
) -> None:
    """Follow the chain from its genesis, prove each entry, and compare the ends with the heads."""
    log = run.evidence.log
    reader = None if log is None else TileReader(log, run.witnessed)
    last: Last | None = None
    ends = {line.last: line for line in lines}
    for at, raw in found:
        rows, misread = read_rows([raw], at)
        run.findings.extend(misread)
        row = rows[0]
        if row is None or row.entity_id != entity_id:
            continue
        first = First(row.version, row.previous_hash, at)
        finding = link(last, first, entity_id, genesis(run.believed.trust.origin, entity_id))
        if finding is not None:
            run.findings.add(finding)
        current = current_hash(raw)
        last = (row.version, current)
        _prove(run, reader, Found(at, raw), row)
        line = ends.pop(row.version, None)
        if line is not None and line.hashed != current:
            run.findings.add(
                Finding(
                    check=Check.HEADS_LINES,
                    said="the heads have another hash for it",
                    where=line.kept.digest.heads.key,
                    index=at,
                    entity=entity_id,
                    version=row.version,
                    expected=line.hashed,
                    found=current,
                )
            )
    for version, line in ends.items():
        run.findings.add(
            Finding(
                check=Check.ENTRIES_MISSING,
                said="the heads count a version that no one holds",
                where=line.kept.digest.heads.key,
                entity=entity_id,
                version=version,
                expected=line.hashed,
            )
        )


def _prove(run: Verification, reader: TileReader | None, found: Found, row: Row) -> None:
    """Prove an entry in the tree of the newest checkpoint, and read its blobs."""
    at, raw = found
    if run.evidence.log is not None:
        run.findings.extend(check_blobs(run.evidence.log, [raw], [row], at))
    if at >= run.witnessed:
        run.notices.append(f"entry {at} is in no checkpoint yet: no evidence")
        return
    if reader is None or run.top is None:
        said, check, leaf = "there are no tiles to prove it in", Check.TILE_MISSING, None
    else:
        root = run.top.accepted.checkpoint.root
        try:
            proof = inclusion_proof(at, run.witnessed, reader.hash_at)
            verify_inclusion(at, run.witnessed, leaf_hash(raw), proof, root)
        except ProofWrong as wrong:
            said, check, leaf = str(wrong), Check.TREE_ROOT, leaf_hash(raw).hex()
        except (Misread, OSError) as fault:
            said, check, leaf = str(fault), Check.TILE_MISSING, None
        else:
            return
    run.findings.add(
        Finding(
            check=check,
            said=said,
            index=at,
            entity=row.entity_id,
            version=row.version,
            found=leaf,
        )
    )
