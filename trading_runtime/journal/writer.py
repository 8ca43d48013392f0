"""The journal's writing end: append, hand over, and only then act.

Rules:
 * ``append`` numbers and frames a record in memory; ``hand_over`` gives all of them to the
   operating system in one write. What was handed over survives the death of the process; what is
   below ``synced_seq`` survives the death of the machine.
 * Inputs, outputs and observations share one sequence: 1, 2, 3, …
 * After a :exc:`JournalFull` the segments are never written again; what could not be written goes
   first into the emergency segment, so that the sequence has no hole.
 * One thread owns the writer. The group sync and the sealing run beside it.
"""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import final

import msgspec
from isal.isal_zlib import crc32

from trading_runtime.errors import Halt, JournalFull, Refused
from trading_runtime.journal.emergency import EmergencySegment
from trading_runtime.journal.opening import FIRST_SEGMENT, Opened, create_segment, open_session
from trading_runtime.journal.sealing import Extent, seal_segment
from trading_runtime.journal.settings import JournalSettings
from trading_runtime.journal.syncing import GroupSync
from trading_runtime.records import layout
from trading_runtime.records.envelope import FRAME, LENGTH_MAX, STAMP, Body, Kind, Stamp
from trading_runtime.records.inputs import StateCarried
from trading_runtime.records.segments import Seal, SegmentHeader, Watermark
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos, Seq

HOUR_NS = 3600 * NANOS_PER_SECOND

_encode = msgspec.msgpack.Encoder().encode
_frame = FRAME.pack
_stamp = STAMP.pack
_write = os.write


class SealFailed(msgspec.Struct, frozen=True, kw_only=True):
    """A closed segment that stays raw; it is whole, and recovery seals it."""

    segment: int
    reason: str


@final
class JournalWriter:
    """One session's journal, from its first record to its last."""

    def __init__(self, session: str, opened: Opened, settings: JournalSettings) -> None:
        """Take an opened session; :meth:`open` is how one comes by it."""
        self.session = session
        self.folder = opened.folder
        self._settings = settings
        self._lock = opened.lock
        self._descriptor = opened.segment
        self._segment = FIRST_SEGMENT
        self._first_seq = Seq(1)
        self._offset = opened.offset
        self._hour: int | None = None
        self._next = Seq(1)
        self._pending: list[bytes] = []
        start = Watermark(FIRST_SEGMENT, opened.offset, Seq(0))
        self._group = GroupSync(opened.segment, opened.watermark, start)
        self._watermark = opened.watermark
        self._emergency = EmergencySegment(opened.emergency)
        self._emergency_header: SegmentHeader | None = None
        # One at a time: sealing takes a core, and the trading process should see little of it.
        self._sealer = ThreadPoolExecutor(1, "journal-seal")
        self._sealing: dict[int, Future[Seal]] = {}

    @classmethod
    def open(cls, data: Path, session: str, settings: JournalSettings) -> "JournalWriter":
        """Begin ``session``: its folder and first segment are on disk when this returns.

        Raises :exc:`Refused` where the session exists, OSError where the disk has no room.
        """
        writer = cls(session, open_session(data, session, settings), settings)
        writer._group.start(settings.sync_interval_ns)
        return writer

    @property
    def synced_seq(self) -> Seq:
        """The last record that a power cut cannot take."""
        return self._group.synced.seq

    @property
    def handed_seq(self) -> Seq:
        """The last record that the operating system has."""
        return Seq(self._group.handed[2])

    def append(self, kind: Kind, stamp: Stamp, body: Body) -> Seq:
        """Number and frame a record, in memory; give its number."""
        seq = self._next
        stamped = _stamp(kind, seq, stamp[0], stamp[1]) + _encode(body)
        size = len(stamped)
        if size > LENGTH_MAX:
            raise Refused(f"record of {size} bytes, {LENGTH_MAX} is the most")
        self._pending.append(_frame(size, crc32(stamped)) + stamped)
        self._next = seq + 1  # type: ignore[assignment]  # calling a NewType takes a tenth of this
        return seq

    def hand_over(self) -> None:
        """Give all appended records to the operating system; raise :exc:`JournalFull` if not."""
        group = self._group
        if group.failure is not None:
            self._hand_over_late(group.failure)
            return
        pending = self._pending
        if not pending:
            return
        data = b"".join(pending)
        pending.clear()
        try:
            written = _write(self._descriptor, data)
            if written != len(data):
                written = self._write_rest(data, written)
        except OSError as error:
            raise self._give_up(data, error) from error
        self._offset += written
        group.handed = (self._segment, self._offset, self._next - 1)

    def sync(self) -> None:
        """Hand over, and bring all of it to disk now; raise :exc:`JournalFull` if not."""
        self.hand_over()
        if self._emergency_header is None:
            self._group.sync()

    def seal_due(self, at: Nanos) -> bool:
        """Say whether the segment is long enough, or from an earlier UTC hour than ``at``."""
        hour = at // HOUR_NS
        if self._hour is None:
            self._hour = hour
        return self._offset >= self._settings.segment_bytes_max or hour != self._hour

    def seal(self, checkpoint: StateCarried, stamp: Stamp) -> Seq:
        """End this segment with ``checkpoint`` and go on in a new one; give the former's number.

        The segment is on disk when this returns; compressing it goes on in the background. Raises
        :exc:`JournalFull`, then too when the journal failed before.
        """
        if self._group.failure is not None:
            raise self._group.failure
        seq = self.append(Kind.OUTPUT, stamp, checkpoint)
        self.sync()
        header = self._header(self._segment + 1, self._next)
        try:
            descriptor, offset = create_segment(self.folder, header)
        except OSError as error:
            self._group.failure = JournalFull(f"new segment {header.segment}: {error}")
            raise self._group.failure from error
        self._group.switch(descriptor, Watermark(header.segment, offset, seq))
        os.close(self._descriptor)
        self._begin_sealing()
        self._descriptor, self._offset = descriptor, offset
        self._segment, self._first_seq = header.segment, header.first_seq
        self._hour = stamp.at // HOUR_NS
        return seq

    def finished_seals(self) -> list[Seal | SealFailed]:
        """Give what the background has sealed, or failed to, since the last call."""
        done = [segment for segment, future in self._sealing.items() if future.done()]
        return [self._outcome(segment, self._sealing.pop(segment)) for segment in done]

    def begin_emergency(self) -> None:
        """After a :exc:`JournalFull`: let ``hand_over`` go on in the emergency segment.

        What could not be written goes first, so that the sequence has no hole. From here on each
        hand-over is on disk when it returns, and raises :exc:`JournalFull` when this is full too.
        Raises :exc:`Refused` while the journal is sound.
        """
        if self._group.failure is None:
            raise Refused("the emergency segment is for a journal that takes no more")
        if self._emergency_header is None:
            self._emergency_header = self._header(self._segment + 1, self.handed_seq + 1)

    def close(self) -> None:
        """Hand over, sync and seal the last segment too, and give the folder free.

        After a :exc:`JournalFull` nothing is written any more: recovery seals what there is.
        """
        try:
            if self._group.failure is None:
                self.sync()
                self._begin_sealing()
        finally:
            self._group.stop()
            self._sealer.shutdown()
            os.close(self._descriptor)
            os.close(self._watermark)
            self._emergency.close()
            if self._group.failure is None:
                (self.folder / layout.EMERGENCY).unlink()
            os.close(self._lock)

    def _header(self, segment: int, first_seq: int) -> SegmentHeader:
        return SegmentHeader(session=self.session, segment=segment, first_seq=Seq(first_seq))

    def _begin_sealing(self) -> None:
        extent = Extent(
            session=self.session,
            segment=self._segment,
            first_seq=self._first_seq,
            last_seq=Seq(self._next - 1),
            size_bytes=self._offset,
            torn_bytes=0,
        )
        raw = self.folder / layout.segment_name(self._segment)
        self._sealing[self._segment] = self._sealer.submit(seal_segment, raw, extent)

    @staticmethod
    def _outcome(segment: int, future: Future[Seal]) -> Seal | SealFailed:
        try:
            return future.result()
        except (OSError, Halt) as error:
            return SealFailed(segment=segment, reason=str(error))

    def _hand_over_late(self, failure: JournalFull) -> None:
        """The hand-over of a journal that failed: refused until the emergency is begun."""
        header = self._emergency_header
        if header is None:
            raise failure
        if self._pending:
            end = self._emergency.write(header, b"".join(self._pending))
            self._pending.clear()
            self._group.publish(Watermark(header.segment, end, Seq(self._next - 1)))

    def _write_rest(self, data: bytes, written: int) -> int:
        """Go on after a short write, which is how a disk that fills up says so first."""
        while written < len(data):
            written += os.write(self._descriptor, memoryview(data)[written:])
        return written

    def _give_up(self, data: bytes, error: OSError) -> JournalFull:
        """Cut the segment back to its last whole record and keep the rest for the emergency."""
        written = os.lseek(self._descriptor, 0, os.SEEK_CUR) - self._offset
        whole, last_seq = 0, self.handed_seq
        while whole + FRAME.size <= written:
            end = whole + FRAME.size + FRAME.unpack_from(data, whole)[0]
            if end > written:
                break
            whole, last_seq = end, Seq(last_seq + 1)
        failure = JournalFull(f"write of {len(data)} bytes to segment {self._segment}: {error}")
        self._pending.append(data[whole:])
        self._offset += whole
        self._group.handed = (self._segment, self._offset, last_seq)
        # Where even this fails, the torn record stays; readers take what is whole before it.
        with suppress(OSError):
            os.ftruncate(self._descriptor, self._offset)
        self._group.fail(failure)
        return failure
