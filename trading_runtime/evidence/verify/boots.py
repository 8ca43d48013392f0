"""Producers over the whole log: each boot's sequence, chain and signatures, and how boots follow.

Submissions of a boot come in order. Where one is stepped over, an entry of the log carries its
hash, at any later place; until then what comes behind it waits.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple

import msgspec

from trading_runtime.errors import Misread
from trading_runtime.evidence.notes import Vkey, decode_base64
from trading_runtime.evidence.submission import first_value, signed_text
from trading_runtime.evidence.trust import Trust
from trading_runtime.evidence.verify.checks import Check
from trading_runtime.evidence.verify.findings import Finding
from trading_runtime.evidence.verify.spans import LOG, Piece, Word, whole

STEPPED_OVER = ("EventRepeated", "EventIdReused")
"""What the log says of a submission that it did not take in."""
FORK_INDEX = 1
"""Of the entry in which a new log says whose work it goes on with: behind its opening."""

Key = tuple[str, str]
"""A producer's id and its boot."""


class Signed(NamedTuple):
    """A signature to be judged: it is over all submissions of the boot up to ``seq``."""

    producer_id: str
    boot: str
    seq: int
    at: int
    since: int
    """The first seq that no signature before it covers."""
    chain: bytes
    signature: str
    key: Vkey


class Taken(msgspec.Struct, frozen=True):
    """Where a boot stood in the log before a fork; ``chain`` is P of ``seq`` in hex."""

    boot: str
    chain: str
    id: str
    seq: int


class Boot(msgspec.Struct):
    """How far a boot was followed. ``chain`` is None once it cannot be known any more."""

    first_index: int
    seq: int
    chain: bytes | None
    key: Vkey | None
    start: tuple[str, str, dict[str, object]]
    lost: bool = False
    """Entries were left out since; it goes on wherever its next one stands."""
    signed_seq: int = 0
    unsigned_index: int | None = None
    waiting: list[Piece] = msgspec.field(default_factory=list)
    fills: dict[int, tuple[bytes, str | None, int]] = msgspec.field(default_factory=dict)


class Boots:
    """All boots of all producers, as far as the log was read."""

    def __init__(self, origin: str, trust: Trust) -> None:
        self.signed: list[Signed] = []
        self._origin = origin
        self._trust = trust
        self._boots: dict[Key, Boot] = {}
        self._fills: dict[Key, dict[int, tuple[bytes, str | None, int]]] = {}
        self._partial = False

    def take(self, piece: Piece) -> Iterator[Finding]:
        """Follow a boot through one more run of its submissions."""
        key = (piece.producer_id, piece.boot)
        boot = self._boots.get(key)
        if boot is None:
            boot = self._begin(key, piece)
            if boot.key is None:
                said = f"trust.json has no key for boot {piece.boot} of {piece.producer_id}"
                yield Finding(check=Check.PRODUCER_KEY, said=said, index=piece.first_index)
        if boot.lost:
            boot.lost = False
            boot.seq = max(boot.seq, piece.first_seq - 1)
        if piece.first_seq <= boot.seq:
            yield _out_of_order(piece, boot.seq + 1)
            return
        boot.waiting.append(piece)
        self._go_on(key, boot)

    def _begin(self, key: Key, piece: Piece) -> Boot:
        boot = Boot(
            piece.first_index,
            piece.first_seq - 1 if self._partial else 0,
            None if self._partial and piece.first_seq > 1 else first_value(*key),
            self._trust.producer_vkey(*key),
            piece.start,
            fills=self._fills.setdefault(key, {}),
        )
        self._boots[key] = boot
        return boot

    def hear(self, word: Word) -> None:
        """Take what the log says about boots: one stepped over, or those that a fork took on."""
        if word.event_type in STEPPED_OVER:
            self._step_over(word)
        elif word.event_type == "ForkDeclared" and word.at == FORK_INDEX:
            producers = word.request.get("producers")
            for it in producers if isinstance(producers, list) else ():
                self._go_on_from(it, word.at)

    def _go_on_from(self, said: object, index: int) -> None:
        """Begin a boot where the log before the fork left it."""
        try:
            it = msgspec.convert(said, Taken)
            chain = bytes.fromhex(it.chain)
        except (msgspec.ValidationError, ValueError):
            return
        key = (it.id, it.boot)
        vkey = self._trust.producer_vkey(*key)
        fills = self._fills.setdefault(key, {})
        self._boots[key] = Boot(
            index, it.seq, chain, vkey, ("", "", {}), signed_seq=it.seq, fills=fills
        )

    def _step_over(self, word: Word) -> None:
        said = word.request
        producer_id, boot_id, hashed = said.get("producerId"), said.get("boot"), said.get("sha256")
        if not isinstance(producer_id, str):
            return
        if not isinstance(boot_id, str) or not isinstance(hashed, str):
            return
        try:
            value = bytes.fromhex(hashed)
        except ValueError:
            return
        signature = said.get("signature")
        text = signature if isinstance(signature, str) else None
        key = (producer_id, boot_id)
        self._fills.setdefault(key, {})[whole(said, "seq")] = (value, text, word.at)
        if key in self._boots:
            self._go_on(key, self._boots[key])

    def forget_chains(self) -> None:
        """Say that entries are missing here: what comes next can follow anything."""
        self._partial = True
        for boot in self._boots.values():
            boot.chain = None
            boot.lost = True

    def _go_on(self, key: Key, boot: Boot) -> None:
        while True:
            seq = boot.seq + 1
            if boot.waiting and boot.waiting[0].first_seq == seq:
                self._follow(key, boot, boot.waiting.pop(0))
            elif seq in boot.fills:
                hashed, signature, at = boot.fills.pop(seq)
                signed = [] if signature is None else [(seq, at, signature)]
                rest = None if signed else at
                piece = Piece(*key, seq, at, seq, [hashed], signed, rest, ("", "", {}))
                self._follow(key, boot, piece)
            else:
                return

    def _follow(self, key: Key, boot: Boot, piece: Piece) -> None:
        signed = {seq: (at, signature) for seq, at, signature in piece.signed}
        chain = boot.chain
        if chain is not None:
            for seq, hashed in enumerate(piece.hashes, piece.first_seq):
                chain = sha256(chain + hashed).digest()
                if seq in signed and boot.key is not None:
                    since = boot.signed_seq + 1
                    self.signed.append(
                        Signed(*key, seq, signed[seq][0], since, chain, signed[seq][1], boot.key)
                    )
                    boot.signed_seq = seq
        boot.chain = chain
        boot.seq = piece.last_seq
        if piece.signed or boot.unsigned_index is None:
            boot.unsigned_index = piece.unsigned_index

    def finish(self, witnessed: int, *, complete: bool) -> Iterator[Finding]:
        """Judge what only the end shows; entries from index ``witnessed`` on may be unsigned yet.

        ``complete`` tells that no entries are missing from the beginning on.
        """
        for key, boot in self._boots.items():
            yield from self._end_gaps(key, boot)
        covered: set[Key] = set()
        yield from self._restarts(covered, complete=complete)
        for key, boot in self._boots.items():
            at = boot.unsigned_index
            if at is not None and at < witnessed and key not in covered:
                said = f"no signature covers the last entries of boot {key[1]} of {key[0]}"
                yield Finding(check=Check.PRODUCER_UNSIGNED, said=said, index=at)

    def _end_gaps(self, key: Key, boot: Boot) -> Iterator[Finding]:
        """Tell the holes; the chain behind one cannot be judged, and that is no second finding."""
        while boot.waiting:
            piece = boot.waiting[0]
            if boot.chain is not None or boot.seq:
                said = f"boot {key[1]} of {key[0]} has a hole before this entry"
                yield Finding(
                    check=Check.PRODUCER_GAP,
                    said=said,
                    index=piece.first_index,
                    expected=str(boot.seq + 1),
                    found=str(piece.first_seq),
                )
            boot.chain = None
            boot.seq = piece.first_seq - 1
            self._go_on(key, boot)

    def _restarts(self, covered: set[Key], *, complete: bool) -> Iterator[Finding]:
        first: dict[str, str] = {}
        named: set[Key] = set()
        for (producer_id, boot_id), boot in self._boots.items():
            if not boot.start[0]:
                continue  # its first submission is missing, which was told
            try:
                before = _before(boot.start, producer_id, self._origin)
            except Misread as misread:
                yield _restart(Check.PRODUCER_BOOTS, misread.detail, boot)
                continue
            if before is None:
                if first.setdefault(producer_id, boot_id) != boot_id:
                    said = f"boot {boot_id} of {producer_id} claims to be its first"
                    yield _restart(Check.PRODUCER_BOOTS, said, boot)
                continue
            key = (producer_id, before[0])
            if key in named:
                said = f"two boots of {producer_id} follow boot {before[0]}"
                yield _restart(Check.PRODUCER_BOOTS, said, boot)
            named.add(key)
            finding = self._judge(key, before, boot, complete=complete)
            if finding is None:
                covered.add(key)
            else:
                yield finding

    def _judge(
        self, key: Key, before: tuple[str, int, str], boot: Boot, *, complete: bool
    ) -> Finding | None:
        old = self._boots.get(key)
        _, seq, chain = before
        if old is None or old.seq < seq:
            if not complete:
                return None
            said = (
                f"of boot {key[1]} of {key[0]} {old.seq if old else 0} of {seq} entries are there"
            )
            return _restart(Check.PRODUCER_BOOT_MISSING, said, boot)
        if old.seq > seq:
            said = f"boot {key[1]} of {key[0]} went on to {old.seq} behind its named end {seq}"
            return _restart(Check.PRODUCER_BOOTS, said, boot)
        if old.chain is not None and old.chain.hex() != chain:
            said = f"the chain of boot {key[1]} of {key[0]} is another"
            return _restart(Check.PRODUCER_BOOTS, said, boot, chain, old.chain.hex())
        return None


def _before(
    start: tuple[str, str, dict[str, object]], producer_id: str, origin: str
) -> tuple[str, int, str] | None:
    """Give boot, seq and chain that a boot names before it; None of the very first."""
    event_type, entity_id, request = start
    wanted = ("LogOpened", f"log:{origin}")
    if producer_id != LOG:
        wanted = ("ProducerStarted", f"producer:{producer_id}")
    if (event_type, entity_id) != wanted:
        raise Misread("start", f"it begins with {event_type} of {entity_id}")
    names = ("previousBoot", "previousSeq", "previousChain")
    boot, seq, chain = (request.get(name) for name in names)
    if boot is None and seq is None and chain is None and request.keys() >= set(names):
        return None
    if isinstance(boot, str) and type(seq) is int and isinstance(chain, str):
        return boot, seq, chain
    raise Misread("start", "it does not name the boot before it")


def _restart(
    check: Check, said: str, boot: Boot, expected: str | None = None, found: str | None = None
) -> Finding:
    return Finding(check=check, said=said, index=boot.first_index, expected=expected, found=found)


def _out_of_order(piece: Piece, expected: int) -> Finding:
    return Finding(
        check=Check.PRODUCER_ORDER,
        said=f"boot {piece.boot} of {piece.producer_id} goes back",
        index=piece.first_index,
        expected=str(expected),
        found=str(piece.first_seq),
    )


def verify_signatures(signed: list[Signed]) -> list[Finding]:
    """Judge signatures; of each boot only the first bad one is told: it spoils those behind it."""
    findings: dict[Key, Finding] = {}
    for it in signed:
        if it[:2] in findings or _good(it):
            continue
        said = f"seq {it.since} to {it.seq} of boot {it.boot} are not what {it.producer_id} signed"
        findings[it[:2]] = Finding(check=Check.PRODUCER_SIGNATURE, said=said, index=it.at)
    return list(findings.values())


def _good(it: Signed) -> bool:
    try:
        signature = decode_base64(it.signature)
    except Misread:
        return False
    return it.key.verifies(signature, signed_text(it.producer_id, it.boot, it.seq, it.chain))
