"""What came from the streams, until whole signed batches of it are in order. Pure.

Rules:
 * Of each boot the sequence numbers go on without a hole, and what is given out ends with a signed
   submission: a batch is taken in whole or not at all.
 * A signature is judged over the producer's own chain, each one of them.
 * What overtook its predecessor, or waits for its signature, waits ``wait_ns`` after the boot moved
   last; then it is rejected and the boot stands still. When the missing one comes after all, and
   the rest again, the boot goes on.
 * A number that was taken in already comes out as repeated: who has the entries decides whether it
   is the same submission.
"""

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple, final

from trading_runtime.errors import Misread
from trading_runtime.evidence import submission
from trading_runtime.evidence.entry import Submission

LOG = "log"
"""The producer id of the log itself; nobody else may use it."""
WAITING_MAX = 65_536
"""Submissions of all boots that wait for others: some 50 MB."""

Key = tuple[str, str]
"""A producer id and a boot."""
Verify = Callable[[str, str, bytes, str], str]
"""Of a producer id, a boot, a text and its signature in base64: empty, or why it does not hold."""


class Arrived(NamedTuple):
    """One submission, read and found in form."""

    raw: bytes
    read: Submission
    digest: bytes
    """SHA-256 of its unsigned bytes: what the chain runs over."""
    blobs: tuple[bytes, ...]
    source: int
    token: object

    @property
    def key(self) -> Key:
        return self.read.producer.id, self.read.producer.boot


class Chain(NamedTuple):
    """How far a boot is: its last number and P of it."""

    seq: int
    value: bytes


class Alarm(NamedTuple):
    """What cannot be: its kind is the type of the log's entry about it."""

    kind: str
    producer_id: str
    boot: str
    detail: str
    found: dict[str, int | str | None]
    """Further members of the entry's ``requestData``."""
    rejected: tuple[Arrived, ...]


class _Boot:
    __slots__ = ("held", "moved_ns")

    def __init__(self, now: int) -> None:
        self.held: dict[int, Arrived] = {}
        self.moved_ns = now


def read(envelope: bytes, source: int, token: object) -> Arrived:
    """Read what travelled; raise :exc:`Misread` where the log cannot hold it."""
    raw, blobs = submission.open_envelope(envelope)
    if len(raw) > submission.SUBMISSION_BYTES_MAX:
        raise Misread("too_large", f"a submission of {len(raw)} bytes")
    parsed = submission.read(raw)
    if parsed.producer.id == LOG:
        raise Misread("producer", "a stream brought a submission in the name of the log itself")
    unsigned = raw if parsed.producer.signature is None else submission.unsigned(raw)[0]
    return Arrived(raw, parsed, sha256(unsigned).digest(), blobs, source, token)


@final
class Intake:
    """Owned by the sequencer."""

    def __init__(self, verify: Verify, wait_ns: int) -> None:
        self._verify = verify
        self._wait_ns = wait_ns
        self._boots: dict[Key, _Boot] = {}
        self.waiting = 0
        self.alarms: list[Alarm] = []
        """What was found since the owner looked last; who reads it clears it."""

    def offer(self, arrived: Arrived, taken: int, now: int) -> bool:
        """Keep a submission until its batch is whole; False where number ``taken`` is behind it."""
        seq = arrived.read.producer.seq
        if seq <= taken:
            return False
        boot = self._boots.get(arrived.key)
        if boot is None:
            boot = self._boots[arrived.key] = _Boot(now)
        before = boot.held.setdefault(seq, arrived)
        if before is arrived:
            self.waiting += 1
        elif before.raw != arrived.raw:
            self.alarms.append(reused(arrived))
        return True

    def ready(self, place: Callable[[Key], Chain], now: int) -> Iterator[tuple[Key, list[Arrived], Chain]]:
        """Give each boot's whole batches, and how far its chain is behind them."""
        for key, boot in list(self._boots.items()):
            run = list(_contiguous(boot.held, place(key).seq))
            while run and run[-1].read.producer.signature is None:
                run.pop()
            if run:
                boot.moved_ns = now
                good, chain = self._judge(key, run, place(key))
                for arrived in run:
                    del boot.held[arrived.read.producer.seq]
                self.waiting -= len(run)
                if good:
                    yield key, good, chain
            if not boot.held:
                del self._boots[key]

    def expire(self, place: Callable[[Key], Chain], now: int) -> None:
        """Reject what has waited for too long, or what is too much."""
        crowded = self.waiting > WAITING_MAX
        for key, boot in list(self._boots.items()):
            if crowded or now - boot.moved_ns > self._wait_ns:
                del self._boots[key]
                self.waiting -= len(boot.held)
                self.alarms.append(_stuck(key, place(key).seq, boot.held))

    def _judge(self, key: Key, run: list[Arrived], place: Chain) -> tuple[list[Arrived], Chain]:
        """Check each signature of a run; what stands before the first bad one is good."""
        seq, value = place
        good, chain = 0, place
        for arrived in run:
            seq += 1
            value = sha256(value + arrived.digest).digest()
            signature = arrived.read.producer.signature
            if signature is None:
                continue
            wrong = self._verify(*key, submission.signed_text(*key, seq, value), signature)
            if wrong:
                self.alarms.append(
                    Alarm("SignatureWrong", *key, wrong, {"seq": seq}, tuple(run[good:]))
                )
                break
            good, chain = seq - place.seq, Chain(seq, value)
        return run[:good], chain


def reused(arrived: Arrived) -> Alarm:
    """Give the alarm about a number that stands for two submissions."""
    found: dict[str, int | str | None] = {
        "seq": arrived.read.producer.seq,
        "sha256": arrived.digest.hex(),
    }
    detail = "another submission has the same boot and number"
    return Alarm("SequenceReused", *arrived.key, detail, found, (arrived,))


def _contiguous(held: dict[int, Arrived], seq: int) -> Iterable[Arrived]:
    while (arrived := held.get(seq := seq + 1)) is not None:
        yield arrived


def _stuck(key: Key, taken: int, held: dict[int, Arrived]) -> Alarm:
    """Say what a boot waited for in vain: a number, or a signature."""
    rejected = tuple(held[seq] for seq in sorted(held))
    first = rejected[0].read.producer.seq
    if first > taken + 1:
        found: dict[str, int | str | None] = {"expectedSeq": taken + 1, "foundSeq": first}
        return Alarm("SequenceBroken", *key, f"number {taken + 1} did not come", found, rejected)
    last = next(seq for seq in range(first, first + len(held) + 1) if seq not in held) - 1
    if last < rejected[-1].read.producer.seq:
        found = {"expectedSeq": last + 1, "foundSeq": min(seq for seq in held if seq > last)}
        return Alarm("SequenceBroken", *key, f"number {last + 1} did not come", found, rejected)
    return Alarm("SignatureWrong", *key, f"no signature over number {last} came", {"seq": last}, rejected)
