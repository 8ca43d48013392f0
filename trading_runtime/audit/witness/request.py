"""The body of ``add-checkpoint`` (C2SP tlog-witness): read by the witness, written by the log."""

from typing import NamedTuple

from trading_runtime.errors import Misread
from trading_runtime.evidence.checkpoint import parse_number
from trading_runtime.evidence.notes import decode_base64, encode_base64
from trading_runtime.records.merkle import HASH_BYTES

PROOF_LINES_MAX = 63
BODY_BYTES_MAX = 65_536
"""A proof of 63 lines and a note of 100 signatures take a third of it."""
SIZE_CONTENT_TYPE = "text/x.tlog.size"
"""Of the answer 409, whose body is the size that the witness has cosigned."""


class Request(NamedTuple):
    """``note`` is the checkpoint; ``proof`` says that the tree of ``old_size`` begins its tree."""

    old_size: int
    proof: tuple[bytes, ...]
    note: bytes


def write(request: Request) -> bytes:
    proof = "".join(f"{encode_base64(found)}\n" for found in request.proof)
    return f"old {request.old_size}\n{proof}\n".encode() + request.note


def read(body: bytes) -> Request:
    """Take a body apart; raise :exc:`Misread` where it is not of the form."""
    head, blank, note = body.partition(b"\n\n")
    if not blank:
        raise Misread("request", "no empty line between proof and checkpoint")
    old, *proof = head.decode("ascii", "replace").split("\n")
    word, _, size = old.partition(" ")
    if word != "old":
        raise Misread("request", f"the first line is not an old size: {old[:40]!r}")
    if len(proof) > PROOF_LINES_MAX:
        raise Misread("request", f"{len(proof)} lines of proof, where {PROOF_LINES_MAX} may be")
    return Request(parse_number(size), tuple(_read_hash(line) for line in proof), note)


def read_size(body: bytes) -> int:
    """Read the body of an answer 409: a size and a newline."""
    if not body.endswith(b"\n"):
        raise Misread("request", f"not a tree size and a newline: {body[:40]!r}")
    return parse_number(body[:-1].decode("ascii", "replace"))


def _read_hash(line: str) -> bytes:
    found = decode_base64(line)
    if len(found) != HASH_BYTES:
        raise Misread("request", f"not a hash: {line[:60]!r}")
    return found
