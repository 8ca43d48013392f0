"""A log that gives real receipts for a producer's submissions: tree, checkpoint, witness."""

from pathlib import Path

from trading_runtime.evidence import checkpoint, entry, receipt, trust
from trading_runtime.evidence.checkpoint import Checkpoint
from trading_runtime.evidence.notes import Kind, SigningKey, join, split
from trading_runtime.evidence.receipt import Receipt
from trading_runtime.evidence.trust import LogKey, Roles, Trust
from trading_runtime.records.merkle import inclusion_proof, leaf_hash, node_hash, root_of

ORIGIN = "desk.example/audit"
ROLES = Roles(producer="a", log="b", witness="c", archive="d", watch="e")


class ReceiptLog:
    """Takes submissions, and proves what it took to who trusts ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = SigningKey(ORIGIN, Kind.ED25519, b"l" * 32)
        self._witness = SigningKey("witness.example", Kind.COSIGNATURE, b"w" * 32)
        self._entries: list[bytes] = []
        self._heads: dict[str, tuple[str, int]] = {}
        policy = (
            f"log {self._key.vkey}\nwitness own {self._witness.vkey} http://w\nquorum own\n"
        ).encode()
        folder.mkdir()
        (folder / "policy").write_bytes(policy)
        trusted = Trust(
            v=1,
            origin=ORIGIN,
            policy_sha256=trust.pin(policy),
            log_keys=(LogKey(vkey=str(self._key.vkey), from_size=0, to_size=None),),
            digest_keys=(),
            producer_keys=(),
            digest_period_seconds=3600,
            first_period_start="2026-01-01T00:00:00.000000Z",
            roles=ROLES,
        )
        (folder / "trust.json").write_bytes(trust.write(trusted))

    def take(self, submission: bytes) -> None:
        entity = entry.read_submission(submission).entity_id
        before, version = self._heads.get(entity, (entry.genesis(ORIGIN, entity), 0))
        sealed = entry.seal(submission, before, version + 1)
        self._heads[entity] = (entry.current_hash(sealed), version + 1)
        self._entries.append(sealed)

    def receipt(self, index: int = -1, *, witnessed: bool = True) -> bytes:
        index %= len(self._entries)
        leaves = [leaf_hash(sealed) for sealed in self._entries]

        def hash_at(level: int, number: int) -> bytes:
            if level == 0:
                return leaves[number]
            return node_hash(hash_at(level - 1, 2 * number), hash_at(level - 1, 2 * number + 1))

        size = len(leaves)
        found = Checkpoint(origin=ORIGIN, size=size, root=root_of(leaves))
        note = checkpoint.sign(found, self._key)
        if witnessed:
            text, signatures = split(note)
            note = join(text, [*signatures, checkpoint.cosign(text, self._witness, 1_800_000_000)])
        return receipt.write(
            Receipt(
                extra=receipt.extra_of(self._entries[index]),
                index=index,
                proof=tuple(inclusion_proof(index, size, hash_at)),
                note=note,
            )
        )
