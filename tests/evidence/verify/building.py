"""A whole valid log, from the format alone, for whoever wants to verify or to break one.

``Building`` keeps the entries and writes everything that follows from them: frames, tiles,
checkpoint, digests, heads, archive. An outsider's attack edits the files behind
:meth:`Building.write`; an insider's edits ``entries`` before it, and all is signed anew.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec

from tests.evidence.tiling import tiles_of
from trading_runtime.evidence import (
    bundles,
    checkpoint,
    digest,
    entry,
    frames,
    layout,
    notes,
    submission,
    tiles,
    trust,
)
from trading_runtime.evidence.checkpoint import Checkpoint
from trading_runtime.evidence.heads import Head, Manifest
from trading_runtime.evidence.layout import BLOCK
from trading_runtime.evidence.notes import Kind, SigningKey
from trading_runtime.evidence.submission import Chain, Deed
from trading_runtime.evidence.trust import DigestKey, LogKey, ProducerKey, Roles, Trust
from trading_runtime.evidence.verify.block import climb
from trading_runtime.records.merkle import leaf_hash, range_root, root_of

ORIGIN = "example.org/tapedeck"
START = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp())
PERIOD = 3_600
SEPARATE = Roles(producer="trader", log="keeper", witness="auditor", archive="vault", watch="guard")
ALARMS = frozenset(
    {"EventIdReused", "SequenceBroken", "SignatureWrong"}
    | {"SubmissionUnreadable", "SequenceReused", "StreamDamaged"}
)
HEAD = (
    b'{"afterState":{"filled":"0.00100000","note":"%b","price":"64000.10","qty":"0.01000000",'
    b'"side":"BUY","state":"FILLED"},"beforeState":{"filled":"0.00000000","price":"64000.10",'
    b'"qty":"0.01000000","side":"BUY","state":"OPEN"},"clientIp":null,"entityId":"%b","eventId":"%b",'
    b'"eventTime":"%b","eventType":"OrderFilled","operation":"place",'
)
TAIL = (
    b',"requestData":{"price":"64000.10","qty":"0.01000000","side":"BUY"},"serviceName":"runtime",'
    b'"traceId":"20261120T000000/%d/0","userId":null'
)
_READ = msgspec.json.Decoder(entry.Entry).decode
"""Reads an entry that we made ourselves, and so need not doubt."""


def key(name: str, kind: Kind = Kind.ED25519) -> SigningKey:
    """Give the same key for the same name, so that a log can be written twice."""
    return SigningKey(name, kind, sha256(name.encode()).digest())


class Named(NamedTuple):
    """An object of the archive: a block's first ``size`` entries, named by digest ``number``."""

    block: int
    size: int
    number: int


class Building:
    """A log that is being made below ``root``: ``root/audit`` and ``root/archive``."""

    def __init__(
        self,
        root: Path,
        producers: Sequence[str] = ("runtime",),
        roles: Roles = SEPARATE,
        quorum: str = "own",
    ) -> None:
        self.root = root
        self.audit = root / "audit"
        self.log = self.audit / "log"
        self.archive = root / "archive"
        self.log_key = key(ORIGIN)
        self.digest_key = key(f"{ORIGIN}/digest")
        self.witness_key = key(f"{ORIGIN}/witness", Kind.COSIGNATURE)
        self.producer_keys = {it: key(f"{ORIGIN}/producer/{it}") for it in ("log", *producers)}
        self.policy = (
            f"log {self.log_key.vkey}\nwitness own {self.witness_key.vkey}\nquorum {quorum}\n"
        ).encode()
        self.trust = Trust(
            v=1,
            origin=ORIGIN,
            policy_sha256=sha256(self.policy).hexdigest(),
            log_keys=(LogKey(vkey=str(self.log_key.vkey), from_size=0, to_size=None),),
            digest_keys=(DigestKey(vkey=str(self.digest_key.vkey), from_digest=1, to_digest=None),),
            producer_keys=tuple(
                ProducerKey(producer_id=it, vkey=str(made.vkey), from_boot="")
                for it, made in self.producer_keys.items()
            ),
            digest_period_seconds=PERIOD,
            first_period_start=submission.event_time(START * 10**9),
            roles=roles,
        )
        self.entries: list[bytes] = []
        self.blobs: list[bytes] = []
        self.sizes: list[int] = []
        """The tree's size at the end of each digest's period."""
        self.objects: list[Named] = []
        self.now = START
        """Seconds since 1970: of the next event, and of the newest cosignature."""
        self.heads: dict[str, tuple[int, str]] = {}
        self.chains: dict[str, Chain] = {}
        self._count = 0
        self._levels: list[list[bytes]] = []
        """Of the tree, while it is being written."""

    @property
    def pin(self) -> str:
        return trust.pin(trust.write(self.trust))

    def deed(
        self,
        entity_id: str = "order:1",
        event_type: str = "OrderFilled",
        request: Mapping[str, object] | None = None,
        **members: object,
    ) -> Deed:
        """Give an event of its own id; ``members`` are those of :class:`Deed`."""
        self._count += 1
        values: dict[str, object] = {
            "event_id": submission.event_id("20261120T000000", self._count, 0),
            "event_time_ns": self.now * 10**9 + self._count * 1_000,
            "service_name": "runtime",
            "event_type": event_type,
            "trace_id": f"20261120T000000/{self._count}/0",
            "user_id": None,
            "entity_id": entity_id,
            "client_ip": None,
            "operation": "place",
            "before_state": {"filled": "0", "price": "64000.1", "state": "OPEN"},
            "after_state": {"filled": "0.001", "price": "64000.1", "state": "FILLED"},
            "request_data": request,
        }
        return Deed(**(values | members))  # type: ignore[arg-type]

    def start(self, producer: str, boot: str) -> None:
        """Begin a boot of a producer, after the one that it had."""
        before = self.chains.get(producer)
        self.chains[producer] = Chain(producer, boot)
        is_log = producer == "log"
        self.say(
            producer,
            self.deed(
                f"log:{ORIGIN}" if is_log else f"producer:{producer}",
                "LogOpened" if is_log else "ProducerStarted",
                {
                    "previousBoot": before and before.boot,
                    "previousSeq": before and before.seq,
                    "previousChain": before and before.value.hex(),
                },
            ),
        )

    def declare(self) -> None:
        """Let the log say which trust.json is in use."""
        self.say("log", self.deed(f"log:{ORIGIN}", "TrustDeclared", {"pin": self.pin}))

    def say(self, producer: str, *deeds: Deed, sign: bool = True) -> None:
        """Take a batch in: its last submission carries the signature."""
        for place, deed in enumerate(deeds, 1):
            written = self.submit(producer, deed, sign=sign and place == len(deeds))
            self.take(written)

    def submit(self, producer: str, deed: Deed, *, sign: bool) -> bytes:
        """Give what a producer submits, and go on with its chain."""
        chain = self.chains[producer]
        unsigned = submission.write(deed, producer, chain.boot, chain.seq + 1, None)
        chain.add(unsigned)
        if not sign:
            return unsigned
        made = self.producer_keys[producer].sign(chain.signed_text())
        return entry.signed(unsigned, notes.encode_base64(made))

    def take(self, submitted: bytes) -> None:
        """Seal a submission and append it."""
        read = entry.read_submission(submitted)
        genesis = entry.genesis(ORIGIN, read.entity_id)
        version, previous = self.heads.get(read.entity_id, (0, genesis))
        sealed = entry.seal(submitted, previous, version + 1)
        self.heads[read.entity_id] = version + 1, entry.current_hash(sealed)
        self.entries.append(sealed)

    def bulk(self, count: int, each: int = 4, pad: int = 0) -> None:
        """Take fills in quickly, 100 a batch; an order has about ``each``, near one another."""
        chain, sign = self.chains["runtime"], self.producer_keys["runtime"].sign
        for place in range(1, count + 1):
            self._count += 1
            entity_id = f"order:{self._count % 7 + self._count // each}"
            genesis = entry.genesis(ORIGIN, entity_id)
            version, previous = self.heads.get(entity_id, (0, genesis))
            event_id = submission.event_id("bulk", self._count, 0)
            time = submission.event_time(self.now * 10**9 + self._count * 1_000)
            head = HEAD % (b"x" * pad, entity_id.encode(), event_id.encode(), time.encode())
            by = b'"producer":{"boot":"%b","id":"runtime","seq":%d,"signature":%b}'
            rest = TAIL % self._count
            who = chain.boot.encode(), chain.seq + 1
            chain.add(b"%b%b%b}" % (head, by % (*who, b"null"), rest))
            signature = b"null"
            if place % 100 == 0 or place == count:
                made = notes.encode_base64(sign(chain.signed_text()))
                signature = b'"%b"' % made.encode()
            link = b'"previousHash":"%b",' % previous.encode()
            ends = b',"version":%d}' % (version + 1)
            sealed = b"%b%b%b%b%b" % (head, link, by % (*who, signature), rest, ends)
            self.heads[entity_id] = version + 1, sha256(sealed).hexdigest()
            self.entries.append(sealed)

    def end_period(self) -> None:
        """End the digest's period here; the clock goes on to the next one."""
        self.sizes.append(len(self.entries))
        self.now = START + len(self.sizes) * PERIOD

    def rechain(self, first: int = 0) -> None:
        """Number and link the entries from index ``first`` on anew, as an insider would."""
        self.heads = {}
        for place, was in enumerate(self.entries):
            data, read = was, entry.read(was)
            genesis = entry.genesis(ORIGIN, read.entity_id)
            version, previous = self.heads.get(read.entity_id, (0, genesis))
            if place >= first:
                unsigned, signature = entry.submission_of(data)
                submitted = unsigned if signature is None else entry.signed(unsigned, signature)
                data = self.entries[place] = entry.seal(submitted, previous, version + 1)
            self.heads[read.entity_id] = version + 1, entry.current_hash(data)

    def write(self) -> None:
        """Write the whole log: everything follows from the entries."""
        self._levels = climb([leaf_hash(it) for it in self.entries])
        self.write_trust()
        self.write_frames()
        self.write_tiles()
        self.write_blobs()
        self.write_objects()
        self.write_digests()
        self.write_checkpoint()
        self._levels = []

    def write_trust(self) -> None:
        put(layout.policy_path(self.audit), self.policy)
        put(layout.trust_path(self.audit), trust.write(self.trust))

    def write_frames(self) -> None:
        for block in range(-(-len(self.entries) // BLOCK) or 1):
            first = block * BLOCK
            head = frames.header(block, ORIGIN)
            framed = frames.frames(first, self.entries[first : first + BLOCK])
            put(layout.frames_path(self.log, block), head + framed)

    def hash_at(self, level: int, number: int) -> bytes:
        if self._levels:
            return self._levels[level][number]
        first = number << level
        leaves = [leaf_hash(it) for it in self.entries[first : first + (1 << level)]]
        return root_of(leaves)

    def tree_root(self, size: int) -> bytes:
        return range_root(0, size, self.hash_at)

    def write_tiles(self) -> None:
        for tile in tiles_of(len(self.entries)):
            first = tile.number * layout.TILE_WIDTH
            level = tile.level * tiles.TILE_HEIGHT
            hashes = [self.hash_at(level, at) for at in range(first, first + tile.width)]
            put(self.log / tile.name(), b"".join(hashes))

    def write_blobs(self) -> None:
        for blob in self.blobs:
            put(layout.blob_path(self.log, sha256(blob).hexdigest()), blob)

    def checkpoint(self, size: int | None = None, time_s: int | None = None) -> bytes:
        """Give the cosigned note of a checkpoint, of all entries where no size is given."""
        size = len(self.entries) if size is None else size
        note = checkpoint.sign(Checkpoint(ORIGIN, size, self.tree_root(size)), self.log_key)
        text, signatures = notes.split(note)
        cosigned = checkpoint.cosign(text, self.witness_key, self.now if time_s is None else time_s)
        return notes.join(text, (*signatures, cosigned))

    def write_checkpoint(self, note: bytes | None = None) -> None:
        put(layout.checkpoint_path(self.log), self.checkpoint() if note is None else note)

    def bundle(self, block: int, count: int) -> bytes:
        return bundles.write(self.entries[block * BLOCK : block * BLOCK + count])

    def write_objects(self) -> None:
        for it in self.objects:
            put(self.archive / layout.bundles_key(it.block, it.size), self.bundle(*it[:2]))

    def write_digests(self) -> None:
        for number, (note, heads) in enumerate(self.digests(), 1):
            for folder in (self.log, self.archive):
                put(folder / layout.digest_key(number), note)
                put(folder / layout.heads_key(number), heads)

    def digests(self) -> Iterator[tuple[bytes, bytes]]:
        """Give note and heads of each digest."""
        previous = None
        for number, (first, end) in enumerate(pairwise((0, *self.sizes)), 1):
            heads = self.manifest(first, end)
            made = self.digest_of(number, first, end, heads, previous)
            note = digest.sign(made, self.digest_key)
            previous = digest.note_hash(note)
            yield note, heads.encode()

    def digest_of(
        self, number: int, first: int, end: int, heads: Manifest, previous: str | None
    ) -> digest.Digest:
        read = [_READ(it) for it in self.entries[first:end]]
        times = [it.event_time for it in read]
        start, stop = digest.period(self.trust, number)
        written = heads.encode()
        return digest.Digest(
            v=1,
            origin=ORIGIN,
            digest_no=number,
            period_start=submission.event_time(start * 10**9),
            period_end=submission.event_time(stop * 10**9),
            tree_size_from=first,
            tree_size_to=end,
            root_hash=self.tree_root(end).hex(),
            checkpoint=self.checkpoint(end, stop).decode(),
            heads=digest.Heads(
                key=layout.heads_key(number),
                sha256=sha256(written).hexdigest(),
                root=heads.root().hex(),
                count=len(heads.heads),
            ),
            segments=tuple(self.segments(number)),
            producers=tuple(runs(read)),
            clock=digest.ClockQuality(source="system", synced=True, max_error_us=500),
            oldest_event_time=min(times, default=None),
            newest_event_time=max(times, default=None),
            alarms=sum(it.producer.id == "log" and it.event_type in ALARMS for it in read),
            previous_sha256=previous,
        )

    def manifest(self, first: int, end: int) -> Manifest:
        found: dict[str, Head] = {}
        for data in self.entries[first:end]:
            read = _READ(data)
            before = found.get(read.entity_id)
            begin = read.version if before is None else before.first_version
            found[read.entity_id] = Head(
                read.entity_id,
                begin,
                read.version,
                read.version - begin + 1,
                entry.current_hash(data),
            )
        return Manifest.of(found.values())

    def segments(self, number: int) -> Iterator[digest.Segment]:
        for it in self.objects:
            if it.number != number:
                continue
            key = layout.bundles_key(it.block, it.size)
            path = self.archive / key
            content = path.read_bytes() if path.exists() else self.bundle(it.block, it.size)
            held = self.entries[it.block * BLOCK : it.block * BLOCK + it.size]
            yield digest.Segment(
                key=key,
                sha256=sha256(content).hexdigest(),
                bytes=len(content),
                first_index=it.block * BLOCK,
                count=it.size,
                root=root_of([leaf_hash(one) for one in held]).hex(),
            )


def runs(read: Iterable[entry.Entry]) -> Iterator[digest.ProducerRun]:
    found: dict[tuple[str, str], list[int]] = {}
    dropped: dict[tuple[str, str], int] = {}
    for it in read:
        boot = it.producer.id, it.producer.boot
        found.setdefault(boot, []).append(it.producer.seq)
        if it.event_type == "AuditDropped" and it.request_data is not None:
            count = it.request_data["count"]
            dropped[boot] = dropped.get(boot, 0) + (count if isinstance(count, int) else 0)
    for boot, seqs in sorted(found.items()):
        yield digest.ProducerRun(
            id=boot[0],
            boot=boot[1],
            first_seq=min(seqs),
            last_seq=max(seqs),
            dropped=dropped.get(boot, 0),
        )


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def fill(log: Building) -> None:
    """Let a log live for three periods, the last without an event, and a little beyond.

    15 entries: ``log`` opens and declares; ``runtime`` runs twice; four entities of its own.
    """
    log.start("log", "20261120T000000")
    log.declare()
    log.start("runtime", "20261120T000001")
    log.say("runtime", log.deed("order:1"), log.deed("order:2"), log.deed("order:1"))
    log.end_period()
    log.say("runtime", log.deed("account:paper", "LimitReached"), log.deed("order:2"))
    log.say("runtime", log.deed("producer:runtime", "ProducerStopped"))
    log.start("runtime", "20261120T010000")
    log.objects.append(Named(0, len(log.entries), 2))
    log.end_period()
    log.end_period()
    log.say("runtime", log.deed("user:ada", "LoginAccepted"), log.deed("order:3"))
    log.say("runtime", log.deed("order:2"), log.deed("order:1"), log.deed("order:3"))
