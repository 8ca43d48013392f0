"""One session, followed from a record on while it is written, sealed, recovered under us.

Rules:
 * A segment is left only when something says that it is complete: its seal, a later segment, or
   the writer's lock being free. That is asked first; then the segment is read to its end.
 * A part of a record at the end of a segment under way is waited for. It is read again when more
   has come, because the writer may cut it off instead.
 * Where only synced records may pass, those of an unsealed segment pass up to the watermark.
"""

from pathlib import Path

import zstandard
from isal.isal_zlib import crc32

from trading_runtime.journal.folder import (
    Form,
    SegmentFile,
    is_being_written,
    read_synced,
    segment_files,
)
from trading_runtime.journal.reader import (
    ARCHIVED,
    JournalDamaged,
    OutOfPlace,
    check_header,
    may_be_torn,
    out_of_sequence,
)
from trading_runtime.journal.sealing import read_seal
from trading_runtime.journal.source import RawSource, SealedSource, Source
from trading_runtime.records import layout
from trading_runtime.records.envelope import Record
from trading_runtime.records.segments import Damaged, Torn, read_header, read_records
from trading_runtime.records.units import Seq

CHUNK_BYTES = 1024 * 1024
ENDLESS = Seq((1 << 64) - 1)


class Tail:
    """Owns one open segment file at a time."""

    def __init__(self, folder: Path, after: Seq, *, synced_only: bool) -> None:
        """Follow the session in ``folder`` from the record after ``after`` (0: from the first)."""
        self.folder = folder
        self.over = False
        """No record is left and none can come."""
        self._after = after
        """The last record parsed or passed over."""
        self._resuming = True
        """The first segment opened may start before the record that is wanted, no later one."""
        self._synced_only = synced_only
        self._file: SegmentFile | None = None
        self._source: Source | None = None
        self._offset = 0
        """The end of the last whole record parsed; 0 until the header is whole."""
        self._seq = Seq(0)
        """The last record of the segment that was parsed."""
        self._chunk = CHUNK_BYTES
        self._ready: list[Record] = []

    def take(self, limit: int) -> list[Record]:
        """Give up to ``limit`` records; none where there are none now. See :attr:`over`.

        Raises :exc:`JournalDamaged` where the session cannot be read on.
        """
        taken: list[Record] = []
        while len(taken) < limit and not self.over:
            if self._ready:
                passed = self._passed(limit - len(taken))
                if not passed:
                    break
                taken += self._ready[:passed]
                del self._ready[:passed]
            elif not self._parse() and not self._advance():
                break
        return taken

    def close(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None

    def _passed(self, limit: int) -> int:
        """Say how many of the ready records may pass now."""
        if not self._synced_only or self._form() is Form.SEALED:
            return min(limit, len(self._ready))
        mark = read_synced(self.folder)
        synced = 0 if mark is None else mark.seq
        if synced < self._ready[-1].seq and self._is_sealed():
            synced = ENDLESS
        return max(0, min(limit, len(self._ready), synced - self._ready[0].seq + 1))

    def _form(self) -> Form | None:
        return None if self._file is None else self._file.form

    def _is_sealed(self) -> bool:
        """Say whether the segment that is read as a raw file has been sealed since."""
        return (
            self._file is not None and (self.folder / layout.seal_name(self._file.number)).exists()
        )

    def _parse(self) -> bool:
        """Read on in the open segment; say whether there were whole records."""
        if self._source is None or self._file is None:
            return False
        parsed = self._offset
        while True:
            data = self._read(self._source, self._file)
            records, tail = self._whole_records(data, self._file)
            if records or self._offset > parsed or len(data) < self._chunk:
                break
            self._chunk *= 2
        self._chunk = CHUNK_BYTES
        if tail is not None:
            self._judge(tail, self._file)
        if records and records[0].seq <= self._after:
            records = [record for record in records if record.seq > self._after]
        if records:
            self._after = records[-1].seq
        self._ready = records
        return self._offset > parsed

    def _read(self, source: Source, file: SegmentFile) -> bytes:
        try:
            return source.read(self._offset, self._chunk)
        except zstandard.ZstdError as error:
            detail = f"does not decompress: {error}"
            raise JournalDamaged(file, self._offset, self._seq, detail) from error
        except FileNotFoundError as error:
            raise JournalDamaged(file, self._offset, self._seq, ARCHIVED) from error

    def _whole_records(self, data: bytes, file: SegmentFile) -> tuple[list[Record], Damaged | None]:
        """Parse from the segment's ``_offset`` on; give the records and what ended them."""
        records: list[Record] = []
        begin, end, seq = self._offset, 0, self._seq
        found: Damaged | None = None
        try:
            if begin == 0:
                header, end = read_header(data)
                check_header(header, file, None if self._resuming else self._after)
                seq = Seq(header.first_seq - 1)
            for record, after in read_records(data, end, crc32):
                if record.seq != seq + 1:
                    raise out_of_sequence(record.seq, seq, begin + end)
                records.append(record)
                seq, end = record.seq, after
        except Damaged as damage:
            found = damage
        self._offset, self._seq = begin + end, seq
        return records, found

    def _judge(self, damage: Damaged, file: SegmentFile) -> None:
        """Let pass what may be a record under way; raise what cannot."""
        if isinstance(damage, Torn):
            return
        mark = read_synced(self.folder)
        explained = file.form is Form.EMERGENCY or may_be_torn(mark, file.number, self._offset)
        if file.form is Form.SEALED or isinstance(damage, OutOfPlace) or not explained:
            raise JournalDamaged(file, self._offset, self._seq, damage.detail) from damage

    def _advance(self) -> bool:
        """Leave the segment if it is complete; say whether there is more to parse now."""
        written = is_being_written(self.folder)
        files = segment_files(self.folder)
        if self._file is None:
            return self._open(self._first(files), written=written)
        self._resuming = False
        number = self._file.number
        following = next((file for file in files if file.number > number), None)
        # Recovery seals a segment, or removes one whose header was not whole.
        closed = all(file.number != number or file.form is Form.SEALED for file in files)
        if following is None and not closed and (written or self._synced_only):
            return False
        # What says that the segment is complete was seen; only now is its end the end.
        if self._parse():
            return True
        self._check_left(self._file, following)
        if following is None and written:
            return False
        return self._open(following, written=written)

    def _check_left(self, file: SegmentFile, following: SegmentFile | None) -> None:
        """Bytes that are no record may be left by a crash alone, or before an emergency."""
        if file.form is Form.EMERGENCY:
            return
        if file.form is Form.SEALED or self._is_sealed():
            size = read_seal(self.folder, file.number).size_bytes
            if self._offset != size:
                detail = f"ends its records at byte {self._offset}, its seal says {size}"
                raise JournalDamaged(file, self._offset, self._seq, detail)
        elif following is not None and following.form is not Form.EMERGENCY:
            left = self._read_left()
            if left:
                detail = f"{left} bytes of no record before segment {following.number}"
                raise JournalDamaged(file, self._offset, self._seq, detail)

    def _read_left(self) -> int:
        return 0 if self._source is None else len(self._source.read(self._offset, 1))

    def _first(self, files: list[SegmentFile]) -> SegmentFile | None:
        """Find the segment of the next record: the last one that starts at or before it."""
        for file in reversed(files):
            first_seq = _first_seq(file)
            if first_seq is not None and first_seq <= self._after + 1:
                return file
        return files[0] if files else None

    def _open(self, file: SegmentFile | None, *, written: bool) -> bool:
        if file is None:
            self.over = not written
            return False
        self.close()
        self._file, self._source = _open_source(file)
        self._offset = 0
        return True


def _open_source(file: SegmentFile) -> tuple[SegmentFile, Source]:
    if file.form is not Form.SEALED:
        try:
            return file, RawSource(file.path)
        except FileNotFoundError:
            # Sealed since it was listed.
            sealed = file.path.with_name(layout.sealed_name(file.number))
            file = SegmentFile(file.number, sealed, Form.SEALED)
    return file, SealedSource(file.path)


def _first_seq(file: SegmentFile) -> Seq | None:
    """Read a segment's first sequence number; None where its header is not whole yet."""
    file, source = _open_source(file)
    try:
        return read_header(source.read(0, 4096))[0].first_seq
    except (Damaged, zstandard.ZstdError, FileNotFoundError):
        # Whoever reads the segment itself will say what is wrong with it.
        return None
    finally:
        source.close()
