"""Is a session's journal whole? Everything is read; the first problem is named with its place."""

from pathlib import Path

import msgspec

from trading_runtime.journal.folder import Form
from trading_runtime.journal.reader import JournalDamaged, SegmentReader, readers
from trading_runtime.journal.sealing import read_seal, sha256_of_sealed
from trading_runtime.records.segments import Seal
from trading_runtime.records.units import Seq


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was read before the end, or before ``problem``, which is empty where all is whole."""

    session: str
    segments: int
    records: int
    first_seq: Seq
    last_seq: Seq
    torn_bytes: int
    """After the last whole record, cut off by a crash: accepted, and told."""
    seals_checked: int
    """Sealed segments whose bytes have the SHA-256 and the counts that their seal says."""
    problem: str


def verify_session(folder: Path) -> Verdict:
    """Read the session in ``folder`` to its end, and every seal in it."""
    segments = records = torn_bytes = seals = 0
    first_seq = Seq(0)
    after: Seq | None = None
    problem = ""
    try:
        for reader in readers(folder):
            for record in reader.records(after):
                first_seq = first_seq or record.seq
                records += 1
            after = reader.last_seq
            segments += 1
            torn_bytes += reader.torn_bytes
            if reader.file.form is Form.SEALED:
                torn_bytes += check_seal(reader).torn_bytes
                seals += 1
    except JournalDamaged as damage:
        problem = damage.detail
        after = damage.last_seq
    return Verdict(
        session=folder.name,
        segments=segments,
        records=records,
        first_seq=first_seq,
        last_seq=after or Seq(0),
        torn_bytes=torn_bytes,
        seals_checked=seals,
        problem=problem,
    )


def check_seal(reader: SegmentReader) -> Seal:
    """Compare a sealed segment, which has been read, with its seal; give the seal."""
    file = reader.file
    try:
        seal = read_seal(file.path.parent, file.number)
    except msgspec.MsgspecError as error:
        raise JournalDamaged(
            file, 0, reader.last_seq, f"its seal cannot be read: {error}"
        ) from error
    found = Seal(
        session=file.path.parent.name,
        segment=file.number,
        first_seq=reader.first_seq,
        last_seq=reader.last_seq,
        records=reader.last_seq - reader.first_seq + 1,
        size_bytes=reader.size_bytes,
        sha256=sha256_of_sealed(file.path),
        torn_bytes=seal.torn_bytes,
    )
    if found != seal:
        raise JournalDamaged(file, 0, reader.last_seq, f"is {found}, its seal says {seal}")
    return seal
