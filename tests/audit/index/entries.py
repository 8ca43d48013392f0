"""Entries as a sequencer would seal them, and their rows."""

from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

from trading_runtime.evidence import canonical, entry
from trading_runtime.evidence.index_row import IndexRow, row_of

ORIGIN = "tapedeck.example/log"


class Sealing:
    """The tail of a log: each call of :meth:`seal` is its next entry."""

    def __init__(self, origin: str = ORIGIN) -> None:
        self.origin = origin
        self.entries: list[bytes] = []
        self._heads: dict[str, tuple[int, str]] = {}

    def seal(self, entity: str = "order:1", **members: object) -> bytes:
        number = len(self.entries)
        version, before = self._heads.get(entity, (0, entry.genesis(self.origin, entity)))
        made: dict[str, object] = {
            "afterState": {"state": "resting"},
            "beforeState": None,
            "clientIp": None,
            "entityId": entity,
            "eventId": str(UUID(bytes=sha256(b"%d" % number).digest()[:16])),
            "eventTime": f"2026-11-21T06:{number // 60 % 60:02d}:{number % 60:02d}.000000Z",
            "eventType": "OrderPlaced",
            "operation": "place",
            "previousHash": before,
            "producer": {"boot": "b1", "id": "runtime", "seq": number + 1, "signature": None},
            "requestData": None,
            "serviceName": "runtime",
            "traceId": None,
            "userId": None,
            "version": version + 1,
        }
        data = canonical.encode(made | members)
        self._heads[entity] = version + 1, entry.current_hash(data)
        self.entries.append(data)
        return data

    def many(self, count: int, entities: int = 10) -> list[bytes]:
        first = len(self.entries)
        return [self.seal(f"order:{(first + at) % entities}") for at in range(count)]


def rows(entries: Sequence[bytes], first: int = 0) -> list[IndexRow]:
    made = []
    for index, data in enumerate(entries, first):
        read = entry.read(data)
        made.append(row_of(index, read, read.version, entry.current_hash(data), data.decode()))
    return made
