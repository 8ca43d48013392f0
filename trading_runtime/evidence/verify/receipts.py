"""Receipts: that one entry is in a witnessed checkpoint; made for a third party, and checked."""

from trading_runtime.errors import Misread, Refused
from trading_runtime.evidence import canonical, receipt
from trading_runtime.evidence.receipt import Receipt
from trading_runtime.evidence.tiles import TileReader
from trading_runtime.evidence.verify.believed import Seen, open_checkpoint
from trading_runtime.evidence.verify.checks import Check
from trading_runtime.evidence.verify.entity import places_of
from trading_runtime.evidence.verify.findings import Finding
from trading_runtime.evidence.verify.places import Found
from trading_runtime.evidence.verify.rows import read_rows
from trading_runtime.evidence.verify.verification import Verification
from trading_runtime.records.merkle import inclusion_proof, range_root

WHERE = "the receipt"


def verify_receipt(run: Verification, data: bytes, entry: bytes | None) -> int:
    """Check a receipt for an entry: the one given, else the one that the log holds at its index.

    Its checkpoint has to be of the same tree as the log's. Give how many entries were read.
    """
    try:
        read = receipt.read(data)
    except Misread as misread:
        run.findings.add(Finding(check=Check.RECEIPT, said=str(misread), where=WHERE))
        return 0
    seen = open_checkpoint(WHERE, read.note, run.believed, run.findings)
    if seen is None:
        return 0
    if run.top is None:
        run.top = seen  # nothing but the receipt is there
    _same_tree(run, seen)
    if entry is None:
        entry = places_of(run).entry(read.index)
    if entry is None:
        run.findings.add(run.missing(read.index, read.index + 1, WHERE))
        return 0
    _check(run, read, entry)
    return 1


def _same_tree(run: Verification, seen: Seen) -> None:
    """Compare the receipt's checkpoint with the log's tiles, which the newest checkpoint binds."""
    log, size = run.evidence.log, seen.accepted.checkpoint.size
    if log is None or size > run.witnessed:
        return
    run.check_upper_tiles()
    try:
        root = range_root(0, size, TileReader(log, run.witnessed).hash_at)
    except (Misread, OSError) as fault:
        run.findings.add(Finding(check=Check.TILE_MISSING, said=str(fault)))
        return
    if root != seen.accepted.checkpoint.root:
        run.findings.add(
            Finding(
                check=Check.CHECKPOINT_CONSISTENCY,
                said=f"the log has another root at size {size}",
                where=WHERE,
                expected=seen.accepted.checkpoint.root.hex(),
                found=root.hex(),
            )
        )


def _check(run: Verification, read: Receipt, entry: bytes) -> None:
    rows, misread = read_rows([entry], read.index)
    run.findings.extend(misread)
    row = rows[0]
    said = None
    try:
        receipt.verify(read, entry, run.believed.trust, run.believed.policy)
    except Misread as fault:
        if fault.reason == "quorum":
            run.findings.add(Finding(check=Check.QUORUM, said=fault.detail, where=WHERE))
        else:
            said = str(fault)
    if said is None and read.extra is not None and row is not None:
        named = receipt.Extra(
            boot=row.producer.boot,
            previous_hash=row.previous_hash,
            producer_id=row.producer.id,
            seq=row.producer.seq,
            version=row.version,
        )
        said = None if named == read.extra else "it says other things of the entry than it holds"
    if said is not None:
        run.findings.add(
            Finding(
                check=Check.RECEIPT,
                said=said,
                where=WHERE,
                index=read.index,
                entity=row.entity_id if row else None,
                version=row.version if row else None,
            )
        )


def find_event(run: Verification, event_id: str) -> Found:
    """Find the entry of an event; raise :exc:`Refused` where the log has none."""
    needle = b'"eventId":' + canonical.encode([event_id])[1:-1] + b","
    places = places_of(run)
    index = run.evidence.index
    try:
        hint = None if index is None else index.find_event(event_id)
    except Misread:
        hint = None
    if hint is not None:
        entry = places.entry(hint)
        if entry is not None and needle in entry:
            return Found(hint, entry)
    for found in places.search(needle, 0, places.end):
        row = read_rows([found.entry], found.at)[0][0]
        if row is not None and row.event_id == event_id:
            return found
    raise Refused(f"the log holds no entry of event {event_id}")


def prove(run: Verification, found: Found) -> bytes:
    """Give the receipt of an entry in the newest checkpoint, a C2SP tlog-proof.

    Raises :exc:`Refused` where there is no quorum for it, or the tiles do not lead to its root.
    """
    log, top = run.evidence.log, run.top
    if log is None or top is None or found.at >= run.witnessed or not top.accepted.quorum:
        raise Refused(f"entry {found.at} is in no checkpoint that witnesses have seen: ask later")
    try:
        proof = inclusion_proof(found.at, run.witnessed, TileReader(log, run.witnessed).hash_at)
        made = Receipt(
            extra=receipt.extra_of(found.entry),
            index=found.at,
            proof=tuple(proof),
            note=top.data,
        )
        receipt.verify(made, found.entry, run.believed.trust, run.believed.policy)
    except (Misread, OSError) as fault:
        raise Refused(f"entry {found.at} cannot be proven, verify the log: {fault}") from None
    return receipt.write(made)
