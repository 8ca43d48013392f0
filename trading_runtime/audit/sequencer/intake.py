"""What came from the streams, until whole signed batches of it are in order. Pure.

Rules:
 * Of each boot the sequence numbers go on without a hole, and what is given out ends with a signed
   submission: a batch is taken in whole or not at all.
 * A signature is judged over the producer's own chain, each one of them.
 * What overtook its predecessor, or waits for its signature, waits ``wait_ns`` after the boot moved
   last; then it is rejected and the boot stands still. When the missing one comes after all, and
   the rest again, the boot goes on.
 * A number that the log holds already is not for the intake: who has the entries decides whether it
   is the same submission.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple, final

from msgspec import Struct

from trading_runtime.audit.streams.source import Delivery
from trading_runtime.errors import Misread
from trading_runtime.evidence import entry, submission
from trading_runtime.evidence.canonical import JsonObject
from trading_runtime.evidence.entry import Submission
from trading_runtime.evidence.lines import CHUNK, read_submissions

LOG = "log"
"""The producer id of the log itself; nobody else may use it."""
WAITING_MAX = 65_536
"""Submissions of all boots that wait for others: some 50 MB."""

_REFERENCE = b'"$sha256"'

Key = tuple[str, str]
"""A producer id and a boot."""
Verify = Callable[[str, str, bytes, str], str]
"""Of a producer id, a boot, a text and its signature in base64: empty, or why it does not hold."""


class Arrived(Struct, frozen=True, gc=False):
    """One submission, read and found in form."""

    key: Key
    raw: bytes
    read: Submission
    digest: bytes
    """SHA-256 of its unsigned bytes: what the chain runs over."""
    blobs: tuple[bytes, ...]
    source: int
    token: object

    def named_blobs(self) -> list[tuple[str, bytes]]:
        """Give its large values, each with the hash that it is kept by."""
        return [(sha256(blob).hexdigest(), blob) for blob in self.blobs]


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
    found: JsonObject
    """Further members of the entry's ``requestData``."""
    rejected: tuple[bytes, ...]
    """Envelopes that are not taken in."""
    tokens: tuple[tuple[int, object], ...]
    """Of each that came from a stream: which one, and its token there."""


class _Boot:
    __slots__ = ("held", "moved_ns")

    def __init__(self, now: int) -> None:
        self.held: dict[int, Arrived] = {}
        self.moved_ns = now


def read(deliveries: Sequence[Delivery], source: int) -> Iterator["Arrived | Misread"]:
    """Read what stream number ``source`` brought, one by one: or why the log cannot hold it."""
    for begin in range(0, len(deliveries), CHUNK):
        chunk = deliveries[begin : begin + CHUNK]
        try:
            opened = [_opened(it.envelope) for it in chunk]
            together = read_submissions([raw for raw, _ in opened])
        except Misread:
            together = None
        if together is None:
            yield from (_read(it, source) for it in chunk)
            continue
        for it, (raw, blobs), parsed in zip(chunk, opened, together, strict=True):
            try:
                yield _arrived(it, source, raw, blobs, parsed)
            except Misread as fault:
                yield fault


def _read(delivery: Delivery, source: int) -> "Arrived | Misread":
    """Read one by itself, for the chunk that it came in has something wrong or unusual."""
    try:
        raw, blobs = _opened(delivery.envelope)
        return _arrived(delivery, source, raw, blobs, entry.read_submission(raw))
    except Misread as fault:
        return fault


def _arrived(
    delivery: Delivery, source: int, raw: bytes, blobs: tuple[bytes, ...], parsed: Submission
) -> Arrived:
    """Check what the form does not say; raise :exc:`Misread`."""
    if _REFERENCE in raw:
        _check_blobs(parsed, blobs)
    producer = parsed.producer
    if producer.id == LOG:
        raise Misread("producer", "a stream brought a submission in the name of the log itself")
    if producer.id != delivery.producer_id or producer.boot != delivery.boot:
        raise Misread("producer", f"it came as one of {delivery.producer_id} {delivery.boot}")
    unsigned = raw if producer.signature is None else entry.unsigned_of(raw)[0]
    key = (producer.id, producer.boot)
    return Arrived(key, raw, parsed, sha256(unsigned).digest(), blobs, source, delivery.token)


def _opened(envelope: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """Open an envelope, most of which hold a submission and nothing else."""
    if int.from_bytes(envelope[:4], "little") == len(envelope) - 4 > 0:
        raw = envelope[4:]
        blobs: tuple[bytes, ...] = ()
    else:
        raw, blobs = submission.open_envelope(envelope)
    if len(raw) > submission.SUBMISSION_BYTES_MAX:
        raise Misread("too_large", f"a submission of {len(raw)} bytes")
    return raw, blobs


def _check_blobs(parsed: Submission, blobs: tuple[bytes, ...]) -> None:
    """Raise :exc:`Misread` (``blob``) where a value stands for bytes that did not come along."""
    brought = [submission.reference(blob) for blob in blobs]
    for value in (parsed.before_state, parsed.after_state, parsed.request_data):
        if value is not None and value.keys() == {"$len", "$sha256"} and value not in brought:
            raise Misread("blob", f"the value {value['$sha256']} did not come along")


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

    def offer(self, arrived: Arrived, now: int) -> bool:
        """Keep a submission until its batch is whole; False where the same one waits already.

        Its number is behind what the log holds of the boot.
        """
        boot = self._boots.get(arrived.key)
        if boot is None:
            boot = self._boots[arrived.key] = _Boot(now)
        before = boot.held.setdefault(arrived.read.producer.seq, arrived)
        if before is arrived:
            self.waiting += 1
            return True
        if before.raw != arrived.raw:
            self.alarms.append(reused(arrived))
        return False

    def ready(self, chain: Callable[[Key], Chain], now: int) -> Iterator[list[Arrived]]:
        """Give the whole batches of each boot that go on from how far the log has come."""
        for key, boot in list(self._boots.items()):
            begin = chain(key)
            run = list(_contiguous(boot.held, begin.seq))
            while run and run[-1].read.producer.signature is None:
                run.pop()
            if run:
                boot.moved_ns = now
                for arrived in run:
                    del boot.held[arrived.read.producer.seq]
                self.waiting -= len(run)
                if good := self._judge(key, run, begin):
                    yield good
            if not boot.held:
                del self._boots[key]

    def expire(self, chain: Callable[[Key], Chain], now: int) -> None:
        """Reject what has waited for too long."""
        for key, boot in list(self._boots.items()):
            if now - boot.moved_ns > self._wait_ns:
                del self._boots[key]
                self.waiting -= len(boot.held)
                self.alarms.append(_stuck(key, chain(key).seq, boot.held))

    def _judge(self, key: Key, run: list[Arrived], begin: Chain) -> list[Arrived]:
        """Check each signature of a run; what stands before the first bad one is good."""
        seq, value = begin
        good = 0
        for arrived in run:
            seq += 1
            value = sha256(value + arrived.digest).digest()
            signature = arrived.read.producer.signature
            if signature is None:
                continue
            wrong = self._verify(*key, submission.signed_text(*key, seq, value), signature)
            if wrong:
                self.alarms.append(
                    rejecting("SignatureWrong", key, wrong, {"seq": seq}, run[good:])
                )
                break
            good = seq - begin.seq
        return run[:good]


def rejecting(kind: str, key: Key, detail: str, found: JsonObject, run: Sequence[Arrived]) -> Alarm:
    """Give the alarm about submissions that are not taken in."""
    return Alarm(
        kind,
        *key,
        detail,
        found,
        tuple(submission.envelope(arrived.raw, arrived.blobs) for arrived in run),
        tuple((arrived.source, arrived.token) for arrived in run),
    )


def reused(arrived: Arrived) -> Alarm:
    """Give the alarm about a number that stands for two submissions."""
    found: JsonObject = {
        "seq": arrived.read.producer.seq,
        "eventId": arrived.read.event_id,
        "sha256": arrived.digest.hex(),
    }
    detail = "another submission has the same boot and number"
    return rejecting("SequenceReused", arrived.key, detail, found, [arrived])


def _contiguous(held: dict[int, Arrived], seq: int) -> Iterable[Arrived]:
    while (arrived := held.get(seq := seq + 1)) is not None:
        yield arrived


def _stuck(key: Key, taken: int, held: dict[int, Arrived]) -> Alarm:
    """Say what a boot waited for in vain: a number, or a signature."""
    run = [held[seq] for seq in sorted(held)]
    missing = taken + 1
    while missing in held:
        missing += 1
    last = run[-1].read.producer.seq
    if missing > last:
        detail = f"no signature over number {last} came"
        return rejecting("SignatureWrong", key, detail, {"seq": last}, run)
    behind = min(seq for seq in held if seq > missing)
    found: JsonObject = {"expectedSeq": missing, "foundSeq": behind}
    return rejecting("SequenceBroken", key, f"number {missing} did not come", found, run)
