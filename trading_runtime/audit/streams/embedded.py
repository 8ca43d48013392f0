"""The stream that is none: the sequencer reads the producers' own logs, on a disk that both share.

Rules:
 * What is given is on the disk first, whoever wrote it: the log must not hold what its producer can
   lose.
 * The boots of a producer come one after the other; one that is damaged does not keep up the next.
 * A producer's folder may belong to another user of the system; nothing is written in it.
"""

import os
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path

from trading_runtime.audit.streams import tail, wal
from trading_runtime.audit.streams.source import Damage, Delivery, Parcel, Place, Receipt
from trading_runtime.audit.streams.tail import BootFolder, Tail
from trading_runtime.errors import Misread
from trading_runtime.journal.durable import replace_file

RECEIPT_SUFFIX = ".receipt"
RECEIPT_BYTES_MAX = 1 << 20
"""A proof has some thousand bytes."""
DAMAGES_MAX = 1_000
"""That wait to be told; more would say nothing new."""


class EmbeddedSource:
    """Owned by the sequencer; ``place`` is its durable offset, so a commit has nothing to do."""

    def __init__(self, logs: Path, receipts: Path, place: Place) -> None:
        self._logs = logs
        self._receipts = receipts
        self._place = place
        self._tails: dict[tuple[str, str], Tail] = {}
        self._waiting: dict[tuple[str, str], deque[wal.Framed]] = {}
        self._given_up: set[tuple[str, str]] = set()
        """Boots that are damaged, or over and read to their end."""
        self._unread: set[tuple[str, str]] = set()
        """Boots that cannot be read now, which was told."""
        self._damages: list[Damage] = []
        self._turn = 0

    def poll(self, limit: int) -> list[Delivery]:
        """Give what waits in order per boot, another producer first in each call."""
        producers = tail.producers(self._logs)
        self._turn += 1
        found: list[Delivery] = []
        for step in range(len(producers)):
            producer_id = producers[(self._turn + step) % len(producers)]
            if len(found) < limit:
                self._take(producer_id, limit, found)
        return found

    def damages(self) -> list[Damage]:
        damages, self._damages = self._damages, []
        return damages

    def commit(self, tokens: Iterable[object]) -> None:
        """Do nothing: the log's index says where each boot goes on."""

    def receipt(self, producer_id: str, boot: str, text: bytes) -> None:
        """Replace the receipt of a boot, unless the boot has left nothing that it would free."""
        if not (self._logs / tail.folder_name(producer_id) / tail.folder_name(boot)).is_dir():
            return
        path = receipt_path(self._receipts, producer_id, boot)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text)

    def close(self) -> None:
        for opened in self._tails.values():
            opened.close()
        self._tails.clear()

    def _take(self, producer_id: str, limit: int, found: list[Delivery]) -> None:
        try:
            boots = tail.boots(self._logs, producer_id)
        except OSError as fault:
            self._unreadable(BootFolder(self._logs, producer_id, ""), fault)
            return
        self._forget(producer_id, {boot.boot for boot in boots})
        for boot in boots:
            if (producer_id, boot.boot) not in self._given_up:
                self._take_boot(boot, limit, found, over=boot != boots[-1])
            if len(found) >= limit:
                return

    def _take_boot(
        self, boot: BootFolder, limit: int, found: list[Delivery], *, over: bool
    ) -> None:
        key = (boot.producer_id, boot.boot)
        waiting = self._waiting.setdefault(key, deque())
        while len(found) < limit:
            if not waiting:
                waiting.extend(self._read(boot))
            if not waiting:
                if over:
                    self._give_up(key)
                return
            seq, envelope = waiting.popleft()
            found.append(Delivery(envelope, (*key, seq), *key, seq))

    def _read(self, boot: BootFolder) -> Sequence[wal.Framed]:
        key = (boot.producer_id, boot.boot)
        try:
            if key not in self._tails:
                self._tails[key] = Tail(boot, self._place(*key) + 1)
            framed = self._tails[key].read(durably=True)
        except FileNotFoundError:
            return ()  # It was deleted between two looks: covered by a receipt.
        except OSError as fault:
            self._unreadable(boot, fault)
            return ()
        except Misread as fault:
            self._damaged(boot, fault.reason, fault.detail)
            self._give_up(key)
            return ()
        self._unread.discard(key)
        return framed

    def _unreadable(self, boot: BootFolder, fault: OSError) -> None:
        """Tell it once; it is tried again, for its owner may mend it."""
        key = (boot.producer_id, boot.boot)
        if key not in self._unread:
            self._damaged(boot, "unreadable", str(fault))
            self._unread.add(key)

    def _damaged(self, boot: BootFolder, reason: str, detail: str) -> None:
        if len(self._damages) < DAMAGES_MAX:
            self._damages.append(Damage(boot.producer_id, boot.boot, reason, detail))

    def _give_up(self, key: tuple[str, str]) -> None:
        self._given_up.add(key)
        if (opened := self._tails.pop(key, None)) is not None:
            opened.close()

    def _forget(self, producer_id: str, boots: set[str]) -> None:
        """Let go of boots whose folders are gone."""
        gone = [key for key in self._waiting if key[0] == producer_id and key[1] not in boots]
        for key in gone:
            if not self._waiting[key]:
                self._give_up(key)
                del self._waiting[key]
                self._given_up.discard(key)
                receipt_path(self._receipts, *key).unlink(missing_ok=True)


def receipt_path(receipts: Path, producer_id: str, boot: str) -> Path:
    return receipts / tail.folder_name(producer_id) / (tail.folder_name(boot) + RECEIPT_SUFFIX)


class EmbeddedPublisher:
    """The producer's end of it: its log is the stream already, and only receipts come."""

    passive = True

    def __init__(self, receipts: Path, producer_id: str) -> None:
        self._folder = receipts / tail.folder_name(producer_id)

    def publish(self, parcels: Sequence[Parcel]) -> None:
        """Do nothing: what is in the producer's log has arrived."""

    def receipts(self) -> list[Receipt]:
        found = []
        for boot, path in self._paths():
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                data = os.read(descriptor, RECEIPT_BYTES_MAX)
            finally:
                os.close(descriptor)
            found.append(Receipt(boot, data))
        return found

    def close(self) -> None: ...

    def _paths(self) -> list[tuple[str, Path]]:
        if not self._folder.is_dir():
            return []
        names = sorted(path.name for path in self._folder.iterdir())
        return [
            (tail.name_of(name.removesuffix(RECEIPT_SUFFIX)), self._folder / name)
            for name in names
            if name.endswith(RECEIPT_SUFFIX)
        ]
