"""What a run of entries says: of each entity its versions, of each producer its submissions.

A span is the entries of one block between two cuts, so that the spans of a digest's period, put
together, are exactly its entries. What a span finds within itself is told at once; how spans
continue one another is for :mod:`stitch`. Everything in here travels between processes.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

import msgspec

from trading_runtime.errors import Misread
from trading_runtime.evidence.entry import genesis, submission_of
from trading_runtime.evidence.verify.checks import Check
from trading_runtime.evidence.verify.findings import Finding
from trading_runtime.evidence.verify.rows import Row

LOG = "log"
"""The producer id of the log itself."""
ALARMS = frozenset(
    {
        "EventIdReused",
        "SequenceBroken",
        "SignatureWrong",
        "SubmissionUnreadable",
        "SequenceReused",
        "StreamDamaged",
    }
)
"""Entries of the log that a digest counts in ``alarms``."""
_PREVIOUS, _PRODUCER, _VERSION = b',"previousHash":"', b',"producer":{"boot":', b',"version":'
_LINK = slice(-len(_PREVIOUS) - 65, None)
"""The previous hash with its name and quotes: what stands before the producer, and is the log's."""


class First(NamedTuple):
    """The first entry of an entity within a span."""

    version: int
    previous_hash: str
    at: int


Last = tuple[int, str]
"""The version of its last one and the ``currentHash``: a bare tuple, made for each entry."""


class Piece(msgspec.Struct):
    """Submissions of one boot that follow one another without a hole.

    ``hashes`` are SHA-256(S_n), 32 bytes each; ``signed`` are (seq, index, signature in base64).
    """

    producer_id: str
    boot: str
    first_seq: int
    first_index: int
    last_seq: int
    hashes: list[bytes]
    signed: list[tuple[int, int, str]]
    unsigned_index: int | None
    """Of the first entry behind the last signature; None where there is none."""
    start: tuple[str, str, dict[str, object]]
    """Of seq 1: event type, entity, request; else empty."""


class Word(NamedTuple):
    """An entry of the log about itself, at its index."""

    at: int
    event_type: str
    request: dict[str, object]


class Span(msgspec.Struct):
    """Entries ``first`` ≤ index < ``end``; ``dropped`` by (producer, boot)."""

    first: int
    end: int
    firsts: dict[str, First]
    lasts: dict[str, Last]
    pieces: list[Piece]
    dropped: dict[tuple[str, str], int]
    alarms: int
    words: list[Word]
    oldest: str | None
    newest: str | None


def link(
    last: Last | None, first: First, entity_id: str, hashed_genesis: str | None
) -> Finding | None:
    """Judge whether an entry may follow; ``hashed_genesis`` None: it was judged already."""
    version, previous_hash, index = first
    expected_version = 1 if last is None else last[0] + 1
    expected = hashed_genesis if last is None else last[1]
    check = None
    if version != expected_version:
        check = Check.VERSION
    elif expected is not None and previous_hash != expected:
        check = Check.GENESIS if last is None else Check.PREVIOUS_HASH
    if check is None:
        return None
    numbers = check is Check.VERSION
    return Finding(
        check=check,
        said=f"it does not follow version {expected_version - 1} of its entity",
        index=index,
        entity=entity_id,
        version=version,
        expected=str(expected_version) if numbers else expected,
        found=str(version) if numbers else previous_hash,
    )


def chain_entities(
    rows: Sequence[Row | None], hashes: Sequence[str], first: int, origin: str
) -> tuple[dict[str, First], dict[str, Last], list[Finding]]:
    """Follow each entity through the span; the genesis of a version 1 is judged here."""
    firsts: dict[str, First] = {}
    lasts: dict[str, Last] = {}
    findings = []
    for index, (row, current) in enumerate(zip(rows, hashes, strict=True), first):
        if row is None:
            continue
        entity, version, previous = row.entity_id, row.version, row.previous_hash
        last = lasts.get(entity)
        if last is None:
            firsts[entity] = First(version, previous, index)
            bad = version == 1 and previous != genesis(origin, entity)
        else:
            bad = version != last[0] + 1 or previous != last[1]
        lasts[entity] = (version, current)
        if bad:
            place = First(version, previous, index)
            finding = link(last, place, entity, genesis(origin, entity))
            if finding is not None:
                findings.append(finding)
    return firsts, lasts, findings


def follow_producers(rows: Sequence[Row | None], raws: Sequence[bytes], first: int) -> list[Piece]:
    """Collect what the producers' chains are made of."""
    pieces: list[Piece] = []
    newest: dict[tuple[str, str], Piece] = {}
    for index, (row, raw) in enumerate(zip(rows, raws, strict=True), first):
        if row is None:
            continue
        producer = row.producer
        seq = producer.seq
        key = (producer.id, producer.boot)
        piece = newest.get(key)
        if piece is None or piece.last_seq + 1 != seq:
            piece = Piece(*key, seq, index, seq, [], [], None, _start(row))
            newest[key] = piece
            pieces.append(piece)
        piece.last_seq = seq
        piece.hashes.append(_submitted(raw, producer.signature))
        if producer.signature is not None:
            piece.signed.append((seq, index, producer.signature))
            piece.unsigned_index = None
        elif piece.unsigned_index is None:
            piece.unsigned_index = index
    return pieces


def _submitted(raw: bytes, signature: str | None) -> bytes:
    """Give SHA-256(S_n); of an entry that is not canonical, and so found bad, some hash."""
    head, marker, tail = raw.partition(_PRODUCER)
    try:
        if signature is None and head[_LINK].startswith(_PREVIOUS) and _PRODUCER not in tail:
            end = tail.rindex(_VERSION)
            return sha256(b"%b%b%b}" % (head[: _LINK.start], marker, tail[:end])).digest()
        return sha256(submission_of(raw)[0]).digest()
    except (Misread, ValueError):
        return sha256(raw).digest()


def _start(row: Row) -> tuple[str, str, dict[str, object]]:
    if row.producer.seq != 1:
        return "", "", {}
    return row.event_type, row.entity_id, row.request_data or {}


def read_span(
    rows: Sequence[Row | None],
    raws: Sequence[bytes],
    hashes: Sequence[str],
    first: int,
    origin: str,
) -> tuple[Span, list[Finding]]:
    """Read one span that begins with index ``first``."""
    firsts, lasts, findings = chain_entities(rows, hashes, first, origin)
    times = [row.event_time for row in rows if row is not None]
    words, alarms = _words(rows, first, origin)
    span = Span(
        first=first,
        end=first + len(rows),
        firsts=firsts,
        lasts=lasts,
        pieces=follow_producers(rows, raws, first),
        dropped=_dropped(rows),
        alarms=alarms,
        words=words,
        oldest=min(times, default=None),
        newest=max(times, default=None),
    )
    return span, findings


def _words(rows: Sequence[Row | None], first: int, origin: str) -> tuple[list[Word], int]:
    mine = f"log:{origin}"
    said = [
        (index, row)
        for index, row in enumerate(rows, first)
        if row is not None and row.producer.id == LOG
    ]
    words = [
        Word(index, row.event_type, row.request_data or {})
        for index, row in said
        if row.entity_id == mine
    ]
    return words, sum(row.event_type in ALARMS for _, row in said)


def _dropped(rows: Sequence[Row | None]) -> dict[tuple[str, str], int]:
    dropped: dict[tuple[str, str], int] = {}
    for row in rows:
        if row is not None and row.event_type == "AuditDropped":
            key = (row.producer.id, row.producer.boot)
            dropped[key] = dropped.get(key, 0) + whole(row.request_data or {}, "count")
    return dropped


def whole(request: Mapping[str, object], name: str) -> int:
    """Give an integer member, 0 where it is none."""
    value = request.get(name)
    return value if type(value) is int else 0
