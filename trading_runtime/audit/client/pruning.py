"""Deleting what receipts cover: segments of a producer's log, oldest first.

Rules:
 * A receipt counts when it proves, by keys that we trust, that the log holds a submission of ours:
   the entry is built again from our own copy.
 * The last segment of the newest boot stays: the next boot names its end.
"""

from itertools import pairwise
from pathlib import Path

from trading_runtime.audit.client import boots
from trading_runtime.audit.client.believing import Believing
from trading_runtime.audit.streams import tail, wal
from trading_runtime.audit.streams.source import Receipt
from trading_runtime.audit.streams.tail import BootFolder
from trading_runtime.errors import Misread
from trading_runtime.evidence import receipt
from trading_runtime.evidence.submission import open_envelope


class Pruning:
    """Owned by the thread that sends."""

    def __init__(self, root: Path, producer_id: str, believing: Believing) -> None:
        self._root = root
        self._producer_id = producer_id
        self._believing = believing
        self._seen: dict[str, bytes] = {}
        self.covered: dict[str, int] = {}
        """The sequence that a receipt covers, by boot."""
        self.refused = ""
        """Why the newest receipt was not believed; empty when it was."""

    def take(self, receipts: list[Receipt]) -> int:
        """Judge receipts that are new; delete what they cover. Give how many went further."""
        further = 0
        for boot in tail.boots(self._root, self._producer_id):
            for found in receipts:
                if found.boot == boot.boot and self._seen.get(found.boot) != found.text:
                    self._seen[found.boot] = found.text
                    further += self._judge(boot, found.text)
        if further:
            self._delete()
        return further

    def _judge(self, boot: BootFolder, text: bytes) -> bool:
        try:
            seq = _claimed(text, boot)
            if seq <= self.covered.get(boot.boot, 0):
                return False
            self._believing.check(text, _submission(boot, seq))
        except Misread as fault:
            self.refused = str(fault)
            return False
        self.refused = ""
        self.covered[boot.boot] = seq
        return True

    def _delete(self) -> None:
        found = tail.boots(self._root, self._producer_id)
        for boot in found:
            try:
                if not self._delete_in(boot, newest=boot == found[-1]):
                    # Oldest first: a boot is worth less to who cannot see the one before.
                    return
            except Misread as fault:
                # What is damaged stays, as evidence; so does all that came after it.
                self.refused = str(fault)
                return

    def _delete_in(self, boot: BootFolder, *, newest: bool) -> bool:
        """Delete what is covered; give whether nothing of the boot is left."""
        covered = self.covered.get(boot.boot, 0)
        numbers = tail.segments(boot.path)
        for number, follower in pairwise(numbers):
            if tail.first_of(boot, follower) > covered + 1:
                return False
            (boot.path / wal.segment_name(number)).unlink()
        if newest:
            return False
        if numbers:
            header, data, start = tail.read_segment(boot, numbers[-1])
            frames = wal.scan(data, start, header.first).frames
            if frames and frames[-1].seq > covered:
                return False
        boots.remove(boot.path)
        self.covered.pop(boot.boot, None)
        self._seen.pop(boot.boot, None)
        return True


def _claimed(text: bytes, boot: BootFolder) -> int:
    extra = receipt.read(text).extra
    if extra is None or (extra.producer_id, extra.boot) != (boot.producer_id, boot.boot):
        raise Misread("receipt", f"it is not for boot {boot.boot}")
    return extra.seq


def _submission(boot: BootFolder, seq: int) -> bytes:
    """Give our own copy of submission ``seq``; raise :exc:`Misread` where we have none."""
    for number in reversed(tail.segments(boot.path)):
        header, data, start = tail.read_segment(boot, number)
        if header.first <= seq:
            frames = wal.scan(data, start, header.first).frames
            if seq - header.first < len(frames):
                return open_envelope(frames[seq - header.first].envelope)[0]
            break
    raise Misread("receipt", f"it is for {seq} of boot {boot.boot}, which is not here")
