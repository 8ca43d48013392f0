"""A log of a few leaves with keys of its own, which can also sign what it should not."""

from pathlib import Path

from trading_runtime.audit.keys import WITNESS, Charter, init, key_path, read_key
from trading_runtime.audit.witness import request
from trading_runtime.audit.witness.request import Request
from trading_runtime.evidence import checkpoint, policy, trust
from trading_runtime.evidence.checkpoint import Checkpoint
from trading_runtime.evidence.notes import SigningKey, Vkey
from trading_runtime.evidence.policy import Policy
from trading_runtime.evidence.trust import Roles, Trust
from trading_runtime.records.merkle import consistency_proof, leaf_hash, root_of
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

NOW_S = 1_790_000_000
BEGAN = Nanos(NOW_S * NANOS_PER_SECOND)
ROLES = Roles(producer="desk", log="desk", witness="auditor", archive="vault", watch="auditor")


class SmallLog:
    """``told`` makes its leaves: two logs of one origin that differ in it are a split view."""

    def __init__(
        self, audit: Path, told: str = "a", witnesses: tuple[tuple[str, Vkey, str], ...] = ()
    ) -> None:
        self.audit = audit
        self.told = told
        if not (audit / "trust").exists():
            charter = Charter(
                origin="desk.example/tape",
                roles=ROLES,
                producers=("runtime",),
                witnesses=witnesses,
            )
            init(audit, charter, BEGAN)

    @property
    def trust(self) -> Trust:
        return trust.read((self.audit / "trust" / "trust.json").read_bytes())

    @property
    def policy(self) -> Policy:
        return policy.parse((self.audit / "trust" / "policy").read_bytes())

    @property
    def origin(self) -> str:
        return self.trust.origin

    @property
    def log_key(self) -> SigningKey:
        return read_key(key_path(self.audit, "log"))

    @property
    def witness_key(self) -> SigningKey:
        return read_key(key_path(self.audit, WITNESS))

    def checkpoint(self, size: int) -> Checkpoint:
        return Checkpoint(self.origin, size, root_of(self._leaves(size)))

    def note(self, size: int) -> bytes:
        return checkpoint.sign(self.checkpoint(size), self.log_key)

    def proof(self, old: int, size: int) -> list[bytes]:
        leaves = self._leaves(size)

        def hash_at(level: int, number: int) -> bytes:
            return root_of(leaves[number << level : (number + 1) << level])

        return consistency_proof(old, size, hash_at)

    def body(self, old: int, size: int) -> bytes:
        """Give a sound request."""
        return request.write(Request(old, tuple(self.proof(old, size)), self.note(size)))

    def _leaves(self, size: int) -> list[bytes]:
        return [leaf_hash(f"{self.told} {index}".encode()) for index in range(size)]
