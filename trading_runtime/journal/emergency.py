"""The segment of last resort: its blocks were written when the session opened.

When the journal takes no more, cancels and the PanicStop still have to be recorded before they are
sent. They are written over the zeros that stand here, each on disk before the call returns. Its
end is where zeros begin again.
"""

import os

from trading_runtime.errors import JournalFull
from trading_runtime.journal.durable import write_all_at
from trading_runtime.records.segments import SegmentHeader, header_bytes


class EmergencySegment:
    """Owns its descriptor. Nothing else writes into it."""

    def __init__(self, descriptor: int) -> None:
        self.used = False
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size
        self._offset = 0

    def write(self, header: SegmentHeader, records: bytes) -> int:
        """Write framed records, the first time behind ``header``; give the first free byte.

        Raises :exc:`JournalFull` where there is no room, or the disk does not take them.
        """
        content = records if self.used else header_bytes(header) + records
        end = self._offset + len(content)
        # The zeros of an empty record's head have to stay, as the end.
        if end + 8 > self._size:
            raise JournalFull(f"emergency segment: {len(content)} bytes, {self._size} in all")
        try:
            write_all_at(self._descriptor, content, self._offset)
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise JournalFull(f"emergency segment: {error}") from error
        self.used = True
        self._offset = end
        return end

    def close(self) -> None:
        os.close(self._descriptor)
