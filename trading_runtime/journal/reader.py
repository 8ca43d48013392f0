"""Reading a session: every record in order, or the exact place where that ends.

Rules:
 * Segments follow each other without a hole in numbers or in sequence, and name their session.
 * Bytes that are no record are a torn tail in the last unsealed segment alone, and there only
   where the watermark does not say that they had been on disk. Anywhere else they are damage.
 * The emergency segment comes last; zeros are its end.
"""

from collections.abc import Iterator
from pathlib import Path

import zstandard
from isal.isal_zlib import crc32

from trading_runtime.errors import Halt
from trading_runtime.journal.folder import Form, SegmentFile, read_synced, segment_files
from trading_runtime.journal.sealing import chunks_of_sealed
from trading_runtime.records import layout
from trading_runtime.records.envelope import Kind, Record
from trading_runtime.records.segments import (
    Damaged,
    SegmentHeader,
    Torn,
    Watermark,
    read_header,
    read_records,
)
from trading_runtime.records.units import Seq

CHECKPOINT = b"\x92\xacStateCarried"
"""How the body of a checkpoint starts: an array of two, the first of them its name."""

ARCHIVED = (
    "its seal is here and its bytes are not: `tapedeck archive restore --dataset journal` puts"
    " archived segments back"
)


class JournalDamaged(Halt, Damaged):
    """A session that cannot be read on: which segment, at which byte, after which record."""

    def __init__(self, file: SegmentFile, offset: int, last_seq: Seq, detail: str) -> None:
        """``last_seq`` is the last record before the damage, 0 where there is none."""
        place = f"{file.path.parent.name}/{file.path.name} (segment {file.number})"
        super().__init__(offset, f"{place}: {detail}; last good record is {last_seq}")
        self.segment = file.number
        self.last_seq = last_seq


class OutOfPlace(Damaged):
    """Sound bytes that do not belong where they stand: no crash explains them."""


class SegmentReader:
    """One segment, read whole. After its records: where they end and what lies torn behind."""

    def __init__(self, file: SegmentFile, watermark: Watermark | None, *, last: bool) -> None:
        """``last`` says that no later segment but an emergency one exists."""
        self.file = file
        self.first_seq = Seq(0)
        self.last_seq = Seq(0)
        self.size_bytes = 0
        """Up to the end of the last whole record; 0 where not even the header is whole."""
        self.torn_bytes = 0
        self._last = last
        self._watermark = watermark

    def records(self, after: Seq | None) -> Iterator[Record]:
        """Give the records; the first has to follow ``after`` (None where that is not known)."""
        self.last_seq = after or Seq(0)
        data = _read(self.file, self.last_seq)
        try:
            header, self.size_bytes = read_header(data)
            check_header(header, self.file, after)
            self.first_seq, self.last_seq = header.first_seq, Seq(header.first_seq - 1)
            for record, end in read_records(data, self.size_bytes, crc32):
                if record.seq != self.last_seq + 1:
                    raise out_of_sequence(record.seq, self.last_seq, self.size_bytes)
                self.size_bytes, self.last_seq = end, record.seq
                yield record
        except Damaged as damage:
            if not self._is_torn(damage, data):
                raise self._damaged(damage.offset, damage.detail) from damage
        self._check_synced()
        self.torn_bytes = max(0, _length(self.file, data) - self.size_bytes)

    def last_record(self) -> Record | None:
        """Read the segment for its last record alone; None where it has none."""
        last: Record | None = None
        for record in self.records(None):
            last = record
        return last

    def _is_torn(self, damage: Damaged, data: bytes) -> bool:
        if not self._last or self.file.form is Form.SEALED or isinstance(damage, OutOfPlace):
            return False
        if isinstance(damage, Torn):
            return True
        if self.file.form is Form.EMERGENCY and not data[damage.offset :].strip(b"\0"):
            return True
        return may_be_torn(self._watermark, self.file.number, damage.offset)

    def _check_synced(self) -> None:
        mark = self._watermark
        if mark is not None and mark.segment == self.file.number and self.size_bytes < mark.offset:
            detail = f"ends below byte {mark.offset} (record {mark.seq}), which was on disk"
            raise self._damaged(self.size_bytes, detail)

    def _damaged(self, offset: int, detail: str) -> JournalDamaged:
        return JournalDamaged(self.file, offset, self.last_seq, detail)


def check_header(header: SegmentHeader, file: SegmentFile, after: Seq | None) -> None:
    if header.session != file.path.parent.name or header.segment != file.number:
        raise OutOfPlace(0, f"is segment {header.segment} of session {header.session}")
    if after is not None and header.first_seq != after + 1:
        raise OutOfPlace(0, f"starts with record {header.first_seq}, not {after + 1}")


def out_of_sequence(seq: Seq, after: Seq, offset: int) -> OutOfPlace:
    return OutOfPlace(offset, f"record {seq} follows record {after}")


def may_be_torn(watermark: Watermark | None, segment: int, offset: int) -> bool:
    """Say whether a power cut can explain bad bytes at ``offset``: nobody called them synced."""
    return watermark is not None and (watermark.segment, watermark.offset) <= (segment, offset)


def readers(folder: Path) -> Iterator[SegmentReader]:
    """Give the session's segments in order, and check that none is missing between them."""
    # The watermark first: what it covers is in the files that are looked at after it.
    watermark = read_synced(folder)
    files = segment_files(folder)
    last_main = max((file.number for file in files if file.form is not Form.EMERGENCY), default=0)
    expected = files[0].number if files else 0
    for file in files:
        if file.number != expected:
            raise JournalDamaged(file, 0, Seq(0), f"segment {expected} is missing before it")
        expected += 1
        yield SegmentReader(file, watermark, last=file.number >= last_main)


def read_session(folder: Path) -> Iterator[Record]:
    """Give every record of the session in ``folder``; raise :exc:`JournalDamaged` at a bad one.

    A torn tail, as a crash leaves it, ends the records; ``verify_session`` tells of it.
    """
    after: Seq | None = None
    for reader in readers(folder):
        yield from reader.records(after)
        after = reader.last_seq


def records_from_checkpoint(folder: Path, checkpoint: int) -> Iterator[Record]:
    """Give the checkpoint that ends segment ``checkpoint`` and all after it; 0 is the start."""
    after: Seq | None = None
    for reader in readers(folder):
        if reader.file.number < checkpoint:
            continue
        if reader.file.number == checkpoint:
            last = reader.last_record()
            if last is not None:
                yield last
        else:
            yield from reader.records(after)
        after = reader.last_seq


def last_checkpoint(folder: Path) -> int:
    """Give the last segment that ends with a checkpoint; 0 where none does."""
    for reader in reversed(list(readers(folder))):
        last = reader.last_record()
        if last is not None and is_checkpoint(last):
            return reader.file.number
    return 0


def is_checkpoint(record: Record) -> bool:
    return record.kind is Kind.OUTPUT and record.body.startswith(CHECKPOINT)


def _read(file: SegmentFile, last_seq: Seq) -> bytes:
    """Read a segment whole; a raw file may have been sealed since it was listed."""
    if file.form is not Form.SEALED:
        try:
            return file.path.read_bytes()
        except FileNotFoundError:
            sealed = file.path.with_name(layout.sealed_name(file.number))
            file = SegmentFile(file.number, sealed, Form.SEALED)
    try:
        return b"".join(chunks_of_sealed(file.path))
    except zstandard.ZstdError as error:
        raise JournalDamaged(file, 0, last_seq, f"does not decompress: {error}") from error
    except FileNotFoundError as error:
        raise JournalDamaged(file, 0, last_seq, ARCHIVED) from error


def _length(file: SegmentFile, data: bytes) -> int:
    return len(data.rstrip(b"\0")) if file.form is Form.EMERGENCY else len(data)
