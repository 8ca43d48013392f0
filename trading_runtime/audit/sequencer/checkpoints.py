"""Checkpoints: signed, witnessed, published, and receipts for those whose entries they cover.

Rules, in this order (facts about a log that must not go back):
 * Only a size is signed whose entries are on disk in the frames and in the index.
 * What was signed is on disk (``sequencer/signed``) before a witness is asked, so that after a
   crash the witness is never ahead of what we know.
 * Only what a quorum has cosigned is published, and receipts follow what is published.
 * Witnesses are asked by a thread: that none answers holds up publication and receipts alone.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple, final

from trading_runtime.audit.sequencer.intake import Key
from trading_runtime.audit.sequencer.memory import Last, Memory
from trading_runtime.audit.witness.asking import Asking, Round
from trading_runtime.errors import Halt, Misread
from trading_runtime.evidence import checkpoint, layout, receipt
from trading_runtime.evidence.checkpoint import Checkpoint
from trading_runtime.evidence.notes import SigningKey
from trading_runtime.evidence.policy import Policy
from trading_runtime.evidence.receipt import Extra, Receipt
from trading_runtime.evidence.tiles import TileReader
from trading_runtime.evidence.trust import Trust, open_checkpoint
from trading_runtime.journal.durable import make_folder, write_file
from trading_runtime.records.merkle import consistency_proof, inclusion_proof

SIGNED = "signed"


class Believed(NamedTuple):
    """Who may sign, and who has to cosign."""

    trust: Trust
    policy: Policy


class Signed(NamedTuple):
    checkpoint: Checkpoint
    note: bytes


class Published(NamedTuple):
    """A checkpoint that a quorum has cosigned, and the receipts that it makes."""

    checkpoint: Checkpoint
    receipts: list[tuple[Key, Last, bytes]]
    set_back: tuple[str, ...]
    """Witnesses that knew less than they had cosigned before."""


class Unwitnessed(NamedTuple):
    """A checkpoint that no quorum has cosigned, and why not."""

    size: int
    reason: str
    set_back: tuple[str, ...]


@final
class Witnesses:
    """The thread that asks them, and nothing else; its owner never waits for it unasked."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._thread = ThreadPoolExecutor(1, "witnesses")

    def seen(self) -> int:
        """Wait for the largest size that one of them shows; 0 where none can be reached."""
        shown = self._thread.submit(self._asking.seen).result()
        return max((it.checkpoint.size for it in shown if it.checkpoint is not None), default=0)

    def ask(self, note: bytes, proof: Callable[[int], list[bytes]]) -> "Future[Round]":
        return self._thread.submit(self._asking.cosign, note, proof)

    def close(self) -> None:
        """Return when who is being asked has answered, or its time is over."""
        self._thread.submit(self._asking.close).result()
        self._thread.shutdown()


@final
class Checkpoints:
    """Owned by the sequencer."""

    def __init__(
        self,
        audit: Path,
        believed: Believed,
        key: SigningKey,
        witnesses: Witnesses,
        published: Signed | None,
    ) -> None:
        self._log = layout.log_folder(audit)
        self._signed_path = audit / "sequencer" / SIGNED
        self._believed = believed
        self._key = key
        self._witnesses = witnesses
        self._round: Future[Round] | None = None
        self._signed: Signed | None = None
        self._covers: dict[Key, Last] = {}
        self.published = published

    @property
    def asking(self) -> bool:
        return self._round is not None

    @property
    def size(self) -> int:
        """Count the entries that are published."""
        return 0 if self.published is None else self.published.checkpoint.size

    def sign(self, memory: Memory) -> Signed:
        """Sign the tree as it stands, whose entries the caller has settled.

        Raises :exc:`OSError`, or :exc:`Halt` where a tile was changed.
        """
        signed = self._signed
        if signed is None or signed.checkpoint.size != memory.tree.size:
            memory.tree.write(self._log)
            found = Checkpoint(memory.origin, memory.tree.size, memory.tree.root())
            signed = self._signed = Signed(found, checkpoint.sign(found, self._key))
            make_folder(self._signed_path.parent)
            write_file(self._signed_path, signed.note)
        return signed

    def begin(self, memory: Memory, due: Iterable[Key]) -> None:
        """Sign, and ask the witnesses, unless they are being asked.

        Args:
            memory: of the log up to entries that are settled
            due: the boots that are owed a receipt
        """
        if self._round is None:
            signed = self.sign(memory)
            memory.tree.prune()
            self._covers = {key: memory.lasts[key] for key in due}
            proof = proof_to(self._log, signed.checkpoint.size)
            self._round = self._witnesses.ask(signed.note, proof)

    def finish(self, wait_s: float) -> Published | Unwitnessed | None:
        """Publish what witnesses have answered; None while they are being asked.

        Raises :exc:`OSError`; :exc:`Halt` where a witness has seen more of this log than we have.
        """
        asked = self._round
        if asked is None or (not asked.done() and not wait([asked], wait_s).done):
            return None
        self._round = None
        answers = asked.result()
        found = _believed(answers.note, self._believed)
        if not answers.quorum:
            reasons = [f"{name}: {why}" for name, why in sorted(answers.refusals.items())]
            return Unwitnessed(found.size, "; ".join(reasons), answers.set_back)
        write_file(layout.checkpoint_path(self._log), answers.note)
        self.published = Signed(found, answers.note)
        if self._signed is not None and self._signed.checkpoint.size == found.size:
            self._signed = None
        return Published(found, self._receipts(self.published), answers.set_back)

    def _receipts(self, published: Signed) -> list[tuple[Key, Last, bytes]]:
        size = published.checkpoint.size
        tiles = TileReader(self._log, size)
        return [
            (
                key,
                last,
                _receipt(
                    key, last, published.note, inclusion_proof(last.index, size, tiles.hash_at)
                ),
            )
            for key, last in self._covers.items()
        ]


def _believed(note: bytes, believed: Believed) -> Checkpoint:
    try:
        return open_checkpoint(note, *believed).checkpoint
    except Misread as error:
        raise Halt(f"our own checkpoint is not believed: {error}") from error


def _receipt(key: Key, last: Last, note: bytes, proof: list[bytes]) -> bytes:
    extra = Extra(
        boot=key[1],
        previous_hash=last.previous_hash,
        producer_id=key[0],
        seq=last.seq,
        version=last.version,
    )
    return receipt.write(Receipt(extra=extra, index=last.index, proof=tuple(proof), note=note))


def proof_to(log: Path, size: int) -> Callable[[int], list[bytes]]:
    """Give the proofs that trees begin the tree of ``size``, whose tiles are on disk."""

    def proof(old: int) -> list[bytes]:
        return consistency_proof(old, size, TileReader(log, size).hash_at)

    return proof
