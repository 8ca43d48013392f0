"""A log as a sequencer writes it, piece by piece, with a watch on it."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from tests.audit.index.entries import ORIGIN, Sealing, rows
from trading_runtime.audit.index.index import Index
from trading_runtime.audit.index.opening import open_index
from trading_runtime.audit.tamper.watch import Watch
from trading_runtime.evidence import checkpoint, frames, layout, trust
from trading_runtime.evidence.checkpoint import Checkpoint
from trading_runtime.evidence.layout import BLOCK
from trading_runtime.evidence.notes import Kind, SigningKey
from trading_runtime.evidence.trust import DigestKey, LogKey, Roles, Trust
from trading_runtime.records.merkle import leaf_hash, root_of

SECOND = 1_000_000_000
KEY = SigningKey(ORIGIN, Kind.ED25519, b"k" * 32)


class Record:
    """``data`` is the data folder; each watch of :meth:`watch` remembers on below it."""

    def __init__(self, data: Path, writer: str = "", watch: str = "") -> None:
        self.data = data
        self.audit = data / "audit"
        self.log = layout.log_folder(self.audit)
        self.sealing = Sealing()
        self.now = 1_000 * SECOND
        self._writer, self._reader = writer, watch
        for folder in ("frames", "digests", "heads", "blobs"):
            (self.log / folder).mkdir(parents=True)
        (self.audit / "trust").mkdir()
        layout.policy_path(self.audit).write_text("log\n")
        self.trust(1)
        self.index = self.open_index()

    def open_index(self) -> Index:
        return open_index(self.audit, self._writer, ORIGIN)

    def watch(self) -> Watch:
        return Watch(self.data, self._reader, ORIGIN)

    def look(self, watch: Watch, rounds: int = 1) -> set[str]:
        """Look some times, a second apart; give the checks of all new alarms."""
        found = set()
        for _ in range(rounds):
            self.now += SECOND
            found |= {finding.check for finding in watch.look(self.now)}
        return found

    def trust(self, period: int) -> str:
        """Write a trust that differs by its period; give its pin."""
        policy = sha256(layout.policy_path(self.audit).read_bytes()).hexdigest()
        data = trust.write(
            Trust(
                v=1,
                origin=ORIGIN,
                policy_sha256=policy,
                log_keys=(LogKey(vkey=str(KEY.vkey), from_size=0, to_size=None),),
                digest_keys=(DigestKey(vkey=str(KEY.vkey), from_digest=1, to_digest=None),),
                producer_keys=(),
                digest_period_seconds=period,
                first_period_start="2026-11-21T06:00:00.000000Z",
                roles=Roles(producer="p", log="l", witness="w", archive="a", watch="t"),
            )
        )
        layout.trust_path(self.audit).write_bytes(data)
        return trust.pin(data)

    def declare(
        self, event_type: str, request: Mapping[str, object], *, is_indexed: bool = True
    ) -> None:
        """Seal a word of the log's own."""
        first = len(self.sealing.entries)
        producer = {"boot": "b", "id": "log", "seq": first + 1, "signature": None}
        self.sealing.seal(
            f"log:{ORIGIN}", eventType=event_type, requestData=request, producer=producer
        )
        self._write(first, is_indexed=is_indexed)

    def add(self, count: int, *, is_indexed: bool = True) -> None:
        first = len(self.sealing.entries)
        self.sealing.many(count)
        self._write(first, is_indexed=is_indexed)

    def _write(self, first: int, *, is_indexed: bool = True) -> None:
        entries = self.sealing.entries[first:]
        begin = 0
        while begin < len(entries):
            block, place = divmod(first + begin, BLOCK)
            part = entries[begin : begin + BLOCK - place]
            with layout.frames_path(self.log, block).open("ab") as file:
                if place == 0:
                    file.write(frames.header(block, ORIGIN))
                file.write(frames.frames(first + begin, part))
            begin += len(part)
        if is_indexed:
            self.index.append(rows(entries, first))

    def checkpoint(self, size: int | None = None, root: bytes | None = None) -> None:
        entries = self.sealing.entries[:size]
        root = root or root_of([leaf_hash(data) for data in entries])
        note = checkpoint.sign(Checkpoint(ORIGIN, len(entries), root), KEY)
        path = layout.checkpoint_path(self.log)
        path.with_suffix(".tmp").write_bytes(note)
        path.with_suffix(".tmp").replace(path)

    def digest(self, number: int) -> Path:
        layout.heads_path(self.log, number).write_text(f"heads {number}\n")
        path = layout.digest_path(self.log, number)
        path.write_text(f"digest {number} {uuid4()}\n")
        return path

    def frames(self, block: int = 0) -> Path:
        return layout.frames_path(self.log, block)
