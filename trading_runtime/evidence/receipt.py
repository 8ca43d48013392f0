"""Receipts (C2SP tlog-proof): that a producer's entry is in a checkpoint that witnesses saw.

A receipt holds all that a producer has to know to build its entry again from what it submitted; who
has the entry, data and public keys needs nothing else, and no network.
"""

from typing import NamedTuple

import msgspec

from trading_runtime.errors import Misread
from trading_runtime.evidence import canonical, checkpoint, entry, notes, trust
from trading_runtime.evidence.policy import Policy
from trading_runtime.evidence.trust import Accepted, Trust
from trading_runtime.records.merkle import HASH_BYTES, ProofWrong, leaf_hash, verify_inclusion

MAGIC = "c2sp.org/tlog-proof@v1"
PROOF_MAX = 63
"""Hashes of the longest proof: one for each level of the largest tree."""


class Extra(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What the log knows of an entry and its producer did not: not proven, but used to build it."""

    boot: str
    previous_hash: str
    producer_id: str
    seq: int
    version: int


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """``note`` is the whole checkpoint, ``proof`` from the leaf's sibling up."""

    extra: Extra | None
    index: int
    proof: tuple[bytes, ...]
    note: bytes


_EXTRA = msgspec.json.Decoder(Extra)


def write(receipt: Receipt) -> bytes:
    """Give the text of a receipt."""
    lines = [MAGIC]
    if receipt.extra is not None:
        lines.append(f"extra {notes.encode_base64(canonical.of_struct(receipt.extra))}")
    lines.append(f"index {receipt.index}")
    lines += [notes.encode_base64(step) for step in receipt.proof]
    return "\n".join([*lines, "", ""]).encode() + receipt.note


def extra_of(data: bytes) -> Extra:
    """Give what a receipt for the producer of the entry ``data`` holds beside the proof."""
    found = entry.read(data)
    return Extra(
        boot=found.producer.boot,
        previous_hash=found.previous_hash,
        producer_id=found.producer.id,
        seq=found.producer.seq,
        version=found.version,
    )


def read(data: bytes) -> Receipt:
    """Take a receipt apart without believing it; raise :exc:`Misread` (``receipt``, …)."""
    head, blank, note = data.partition(b"\n\n")
    try:
        lines = head.decode().split("\n")
    except UnicodeDecodeError as fault:
        raise Misread("receipt", str(fault)) from None
    if not blank or lines.pop(0) != MAGIC:
        raise Misread("receipt", f"no {MAGIC} with a checkpoint")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = _extra(notes.decode_base64(lines.pop(0).removeprefix("extra ")))
    if not lines or not lines[0].startswith("index "):
        raise Misread("receipt", "no index where it belongs")
    index = checkpoint.parse_number(lines.pop(0).removeprefix("index "))
    if len(lines) > PROOF_MAX:
        raise Misread("receipt", f"{len(lines)} hashes")
    proof = tuple(notes.decode_base64(line) for line in lines)
    if any(len(step) != HASH_BYTES for step in proof):
        raise Misread("receipt", "a hash of another length than 32 bytes")
    return Receipt(extra=extra, index=index, proof=proof, note=note)


def _extra(data: bytes) -> Extra:
    canonical.decode(data)
    try:
        return _EXTRA.decode(data)
    except msgspec.ValidationError as fault:
        raise Misread("receipt", str(fault)) from None


class Proven(NamedTuple):
    """An entry, and the checkpoint that it is in."""

    entry: bytes
    accepted: Accepted


def verify(receipt: Receipt, data: bytes, believed: Trust, policy: Policy) -> Accepted:
    """Check that the entry ``data`` is where the receipt says, and that a quorum saw it.

    Raises :exc:`Misread` with the reason ``proof``, ``quorum``, or one of
    :func:`trust.open_checkpoint`.
    """
    accepted = trust.open_checkpoint(receipt.note, believed, policy)
    if not accepted.quorum:
        raise Misread("quorum", "not enough witnesses have signed the checkpoint")
    size, root = accepted.checkpoint.size, accepted.checkpoint.root
    try:
        verify_inclusion(receipt.index, size, leaf_hash(data), receipt.proof, root)
    except ProofWrong as fault:
        raise Misread("proof", str(fault)) from None
    return accepted


def verify_submission(
    receipt: Receipt, submission: bytes, believed: Trust, policy: Policy
) -> Proven:
    """Check a receipt for what a producer submitted: build its entry, then :func:`verify`.

    Raises :exc:`Misread` as that, or ``receipt`` where it is for another submission.
    """
    extra, producer = receipt.extra, entry.read_submission(submission).producer
    if extra is None or (extra.producer_id, extra.boot, extra.seq) != (
        producer.id,
        producer.boot,
        producer.seq,
    ):
        raise Misread("receipt", f"it is not for {producer.id} {producer.boot} {producer.seq}")
    data = entry.seal(submission, extra.previous_hash, extra.version)
    return Proven(data, verify(receipt, data, believed, policy))
