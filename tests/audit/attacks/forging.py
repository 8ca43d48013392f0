"""What somebody who may write the files can do: make over every derived file of a log.

It shares no code with what it attacks. ``Forgery`` holds a log in memory; a test changes its
entries or digests, and writes back what its attacker can write, with whatever keys are at hand.
"""

import base64
import datetime as dt
import gzip
import hashlib
import json
import struct
import uuid
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

BLOCK, TILE = 65_536, 256
PLAIN, COSIGNER = 1, 4
ADDED = ("previousHash", "version")  # by the log
Value = dict[str, object]


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def canonical(value: object) -> bytes:
    """RFC 8785 for what the tests write: no floats, no astral keys."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def written(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Signer:
    """A private key with the name and kind under which it signs notes."""

    def __init__(self, name: str, kind: int = PLAIN, private: bytes | None = None) -> None:
        key = Ed25519PrivateKey.from_private_bytes(private or sha256(f"{name}/{kind}".encode()))
        self.name, self.kind, self.private = name, kind, key
        self.public = key.public_key().public_bytes_raw()
        self.key_id = sha256(name.encode() + b"\n" + bytes([kind]) + self.public)[:4]

    @property
    def vkey(self) -> str:
        material = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{material}"

    def line(self, text: str, at: int = 0) -> str:
        """Sign a note's text, as a cosigner at ``at`` (seconds since 1970) when the key is one."""
        if self.kind == COSIGNER:
            message = f"cosignature/v1\ntime {at}\n{text}".encode()
            signature = struct.pack(">Q", at) + self.private.sign(message)
        else:
            signature = self.private.sign(text.encode())
        return f"\u2014 {self.name} {base64.b64encode(self.key_id + signature).decode()}\n"

    def batch(self, producer: str, boot: str, seq: int, chain: bytes) -> str:
        text = f"tapedeck-batch/v1\n{producer}\n{boot}\n{seq}\n{chain.hex()}\n"
        return base64.b64encode(self.private.sign(text.encode())).decode()


def tree_levels(leaves: Iterable[bytes]) -> list[list[bytes]]:
    """All hashes of complete subtrees, level by level."""
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append(
            [sha256(b"\1" + below[at] + below[at + 1]) for at in range(0, len(below) - 1, 2)]
        )
    return levels


def tree_root(leaves: list[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"")
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1" + tree_root(leaves[:split]) + tree_root(leaves[split:]))


def leaf(data: bytes) -> bytes:
    return sha256(b"\0" + data)


def note(text: str, lines: Iterable[str]) -> bytes:
    return (text + "\n" + "".join(lines)).encode()


def tile_path(level: int, number: int, width: int) -> str:
    digits = f"{number:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    name = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
    return f"{level}/{name}" + (f".p/{width}" if width < TILE else "")


def frame(index: int, entry: bytes) -> bytes:
    rest = struct.pack("<Q", index) + entry
    return struct.pack("<II", len(entry), zlib.crc32(rest)) + rest


def frames_head(block: int, origin: str) -> bytes:
    head = canonical({"block": block, "origin": origin})
    return b"TDAUDIT1" + struct.pack("<II", len(head), zlib.crc32(head)) + head


def bundle(entries: Iterable[bytes]) -> bytes:
    return gzip.compress(b"".join(struct.pack(">H", len(each)) + each for each in entries), mtime=0)


@dataclass
class Forgery:
    """A log in memory: entries as bytes, digests as objects, and the keys that are at hand."""

    folder: Path
    archive: Path
    origin: str
    log: Signer
    digest: Signer
    witnesses: list[Signer]
    producers: dict[str, Signer]
    entries: list[bytes] = field(default_factory=list)
    digests: list[Value] = field(default_factory=list)

    def load(self) -> "Forgery":
        """Read entries and digests from the folder."""
        self.entries, self.digests = [], []
        for path in sorted((self.folder / "log/frames").glob("*.frames")):
            data = path.read_bytes()
            at = 16 + struct.unpack_from("<I", data, 8)[0]
            while at < len(data):
                (length,) = struct.unpack_from("<I", data, at)
                self.entries.append(data[at + 16 : at + 16 + length])
                at += 16 + length
        for path in sorted((self.folder / "log/digests").glob("*.note")):
            self.digests.append(json.loads(path.read_bytes().partition(b"\n")[0]))
        return self

    def closed(self) -> int:
        """How many entries digests have closed."""
        return int(self.digests[-1]["treeSizeTo"]) if self.digests else 0

    # The entries

    def value(self, index: int) -> Value:
        return json.loads(self.entries[index])

    def edit(self, index: int, **changes: object) -> None:
        """Replace members of an entry; its bytes stay canonical."""
        self.entries[index] = canonical(self.value(index) | changes)

    def find(self, **members: object) -> list[int]:
        return [
            at
            for at, data in enumerate(self.entries)
            if members.items() <= (json.loads(data).items() if members else {}.items())
        ]

    def of(self, entity: str) -> list[int]:
        return self.find(entityId=entity)

    def rechain(self) -> None:
        """Make versions and previous hashes of every entity fit the entries as they are."""
        heads: dict[str, tuple[int, str]] = {}
        for at, data in enumerate(self.entries):
            value = json.loads(data)
            entity = value["entityId"]
            start = (0, sha256(f"tapedeck-genesis/v1\n{self.origin}\n{entity}".encode()).hex())
            version, previous = heads.get(entity, start)
            self.entries[at] = canonical(value | {"version": version + 1, "previousHash": previous})
            heads[entity] = (version + 1, sha256(self.entries[at]).hex())

    def resign(self, producer: str) -> None:
        """Number and sign all entries of a producer anew: what a stolen producer key allows."""
        points: dict[str, tuple[int, bytes]] = {}
        for at, data in enumerate(self.entries):
            value = json.loads(data)
            if value["producer"]["id"] != producer:
                continue
            boot = value["producer"]["boot"]
            seq, chain = points.get(
                boot, (0, sha256(f"tapedeck-producer/v1\n{producer}\n{boot}".encode()))
            )
            value["producer"] |= {"seq": seq + 1, "signature": None}
            submitted = {
                name: each
                for name, each in value.items()
                if name not in ("version", "previousHash")
            }
            chain = sha256(chain + sha256(canonical(submitted)))
            points[boot] = (seq + 1, chain)
            value["producer"]["signature"] = self.producers[producer].batch(
                producer, boot, seq + 1, chain
            )
            self.entries[at] = canonical(value)

    def sign_last(self, producer: str) -> None:
        """Sign the last entry, which is the producer's next, over its chain as it is."""
        value = self.value(-1)
        boot = value["producer"]["boot"]
        chain = sha256(f"tapedeck-producer/v1\n{producer}\n{boot}".encode())
        for data in self.entries:
            each = json.loads(data)
            if (each["producer"]["id"], each["producer"]["boot"]) == (producer, boot):
                each["producer"]["signature"] = None
                submitted = {name: it for name, it in each.items() if name not in ADDED}
                chain = sha256(chain + sha256(canonical(submitted)))
        seq = value["producer"]["seq"]
        value["producer"]["signature"] = self.producers[producer].batch(producer, boot, seq, chain)
        self.entries[-1] = canonical(value)

    # What follows from them

    def write_all(self, now: dt.datetime) -> None:
        """Everything that follows from entries and digests, with all keys."""
        self.write_frames()
        self.write_tiles()
        self.write_checkpoint(int(now.timestamp()) - 60)
        self.write_digests()

    def write_frames(self) -> None:
        for path in (self.folder / "log/frames").glob("*"):
            path.unlink()
        for block in range(-(-len(self.entries) // BLOCK)):
            part = self.entries[block * BLOCK : block * BLOCK + BLOCK]
            data = b"".join(frame(block * BLOCK + at, each) for at, each in enumerate(part))
            self.put(f"log/frames/{block:06d}.frames", frames_head(block, self.origin) + data)

    def write_tiles(self, size: int | None = None) -> None:
        levels = tree_levels(leaf(each) for each in self.entries[: size or len(self.entries)])
        for path in (self.folder / "log/tile").rglob("*"):
            if path.is_file():
                path.unlink()
        for height in range(0, len(levels), 8):
            for number in range(-(-len(levels[height]) // TILE)):
                hashes = levels[height][number * TILE : number * TILE + TILE]
                self.put(
                    f"log/tile/{tile_path(height // 8, number, len(hashes))}", b"".join(hashes)
                )

    def root(self, size: int | None = None) -> bytes:
        return tree_root(
            [leaf(each) for each in self.entries[: len(self.entries) if size is None else size]]
        )

    def checkpoint(self, size: int, at: int, by: list[Signer] | None = None) -> bytes:
        """A checkpoint over the first entries, signed by ``by`` (default: everybody)."""
        text = f"{self.origin}\n{size}\n{base64.b64encode(self.root(size)).decode()}\n"
        return note(text, (signer.line(text, at) for signer in (by or [self.log, *self.witnesses])))

    def write_checkpoint(
        self, at: int, by: list[Signer] | None = None, size: int | None = None
    ) -> None:
        self.put(
            "log/checkpoint", self.checkpoint(len(self.entries) if size is None else size, at, by)
        )

    def heads(self, first: int, until: int) -> bytes:
        lines: dict[str, list[object]] = {}
        for data in self.entries[first:until]:
            value = json.loads(data)
            line = lines.setdefault(value["entityId"], [value["version"], 0, 0, ""])
            line[1:] = [value["version"], line[2] + 1, sha256(data).hex()]
        ordered = sorted(lines, key=lambda name: name.encode())
        return "".join(
            "\t".join((name, *map(str, lines[name]))) + "\n" for name in ordered
        ).encode()

    def redo_digest(self, value: Value) -> None:
        """Make what a digest says of its entries fit them as they are."""
        first, until, number = value["treeSizeFrom"], value["treeSizeTo"], value["digestNo"]
        heads = self.heads(first, until)
        key = f"heads/{number:08d}.heads"
        lines = heads.split(b"\n")[:-1]
        root = tree_root([leaf(line) for line in lines]).hex()
        value["heads"] = {
            "key": key,
            "sha256": sha256(heads).hex(),
            "root": root,
            "count": len(lines),
        }
        value["rootHash"] = self.root(until).hex()
        parts: dict[tuple[str, str], list[int]] = {}
        values = [json.loads(data) for data in self.entries[first:until]]
        for each in values:
            maker = each["producer"]
            part = parts.setdefault((maker["id"], maker["boot"]), [maker["seq"], 0, 0])
            part[1] = maker["seq"]
            part[2] += each["requestData"]["count"] if each["eventType"] == "AuditDropped" else 0
        value["producers"] = [
            {"id": name, "boot": boot, "firstSeq": part[0], "lastSeq": part[1], "dropped": part[2]}
            for (name, boot), part in sorted(parts.items())
        ]
        moments = [each["eventTime"] for each in values]
        value["oldestEventTime"] = min(moments, default=None)
        value["newestEventTime"] = max(moments, default=None)
        self.put(key, heads, log=True, archive=True)

    def write_digests(self, *, archive: bool = True, start: int = 0) -> None:
        """Sign all digests from place ``start`` on, each naming the file before.

        Into both places, or the log's alone.
        """
        previous = None
        if start:
            previous = sha256((self.folder / f"log/digests/{start:08d}.note").read_bytes()).hex()
        for value in self.digests[start:]:
            value["previousSha256"] = previous
            data = self.digest_note(value)
            self.put(f"digests/{value['digestNo']:08d}.note", data, log=True, archive=archive)
            previous = sha256(data).hex()

    def digest_note(self, value: Value) -> bytes:
        text = canonical(value).decode() + "\n"
        return note(text, [self.digest.line(text)])

    def segment(self, key: str, first: int, count: int, data: bytes) -> Value:
        root = tree_root([leaf(each) for each in self.entries[first : first + count]]).hex()
        return {
            "key": key,
            "sha256": sha256(data).hex(),
            "bytes": len(data),
            "firstIndex": first,
            "count": count,
            "root": root,
        }

    def put(self, key: str, data: bytes, *, log: bool = False, archive: bool = False) -> None:
        """Write a file below the folder or its log; with ``archive`` into the cold copy too."""
        for path in [
            self.folder / ("log/" + key if log else key),
            *([self.archive / key] if archive else []),
        ]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.write_bytes(data)


# A log from nothing, for tests of what reads one


@dataclass
class Made:
    """A log with all its keys, and the time at which it is fresh."""

    forgery: Forgery
    pin: str
    now: dt.datetime


START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


class Making:
    """Appends entries as a log would, batch by batch."""

    def __init__(self, forgery: Forgery) -> None:
        self.forgery = forgery
        self.points: dict[tuple[str, str], tuple[int, bytes]] = {}
        self.heads: dict[str, tuple[int, str]] = {}
        self.count = 0

    def point(self, name: str, boot: str) -> tuple[int, bytes]:
        start = sha256(f"tapedeck-producer/v1\n{name}\n{boot}".encode())
        return self.points.get((name, boot), (0, start))

    def batch(self, name: str, boot: str, at: dt.datetime, *deeds: Value) -> None:
        for place, deed in enumerate(deeds):
            last = place == len(deeds) - 1
            self._append(name, boot, at + dt.timedelta(milliseconds=place), deed, sign=last)

    def _append(self, name: str, boot: str, at: dt.datetime, deed: Value, *, sign: bool) -> None:
        seq, chain = self.point(name, boot)
        self.count += 1
        digest = sha256(f"{name}\n{boot}\n{self.count}".encode()).hex()
        value: Value = {
            "afterState": None,
            "beforeState": None,
            "clientIp": None,
            "userId": None,
            "traceId": None,
            "eventId": str(uuid.UUID(hex=digest[:12] + "8" + digest[13:16] + "a" + digest[17:32])),
            "eventTime": written(at),
            "serviceName": name,
            "operation": "place",
            "requestData": None,
            "producer": {"id": name, "boot": boot, "seq": seq + 1, "signature": None},
        }
        value |= deed
        chain = sha256(chain + sha256(canonical(value)))
        self.points[name, boot] = (seq + 1, chain)
        if sign:
            value["producer"]["signature"] = self.forgery.producers[name].batch(
                name, boot, seq + 1, chain
            )
        entity = value["entityId"]
        genesis = sha256(f"tapedeck-genesis/v1\n{self.forgery.origin}\n{entity}".encode()).hex()
        version, previous = self.heads.get(entity, (0, genesis))
        data = canonical(value | {"version": version + 1, "previousHash": previous})
        self.heads[entity] = (version + 1, sha256(data).hex())
        self.forgery.entries.append(data)

    def start(self, name: str, boot: str, at: dt.datetime, before: str | None = None) -> None:
        seq, chain = self.point(name, before) if before else (None, None)
        said = {
            "previousBoot": before,
            "previousSeq": seq,
            "previousChain": chain.hex() if chain else None,
        }
        entity = f"log:{self.forgery.origin}" if name == "log" else f"producer:{name}"
        kind = "LogOpened" if name == "log" else "ProducerStarted"
        self.batch(
            name,
            boot,
            at,
            {"entityId": entity, "eventType": kind, "operation": "start", "requestData": said},
        )

    def digest(
        self, number: int, at: dt.datetime, period: int = 3600, segments: Iterable[Value] = ()
    ) -> None:
        """Close period ``number``: everything up to here."""
        forgery = self.forgery
        first = forgery.digests[-1]["treeSizeTo"] if forgery.digests else 0
        until = len(forgery.entries)
        begin = START + dt.timedelta(seconds=(number - 1) * period)
        value: Value = {
            "v": 1,
            "origin": forgery.origin,
            "digestNo": number,
            "periodStart": written(begin),
            "periodEnd": written(begin + dt.timedelta(seconds=period)),
            "treeSizeFrom": first,
            "treeSizeTo": until,
            "checkpoint": forgery.checkpoint(until, int(at.timestamp())).decode(),
            "segments": list(segments),
            "clock": {"source": "none", "synced": True, "maxErrorUs": 10},
            "alarms": 0,
        }
        forgery.redo_digest(value)
        forgery.digests.append(value)


def policy_file(forgery: Forgery) -> bytes:
    """Both witnesses have to cosign."""
    lines = [f"log {forgery.log.vkey}"]
    lines += [f"witness w{at} {each.vkey}" for at, each in enumerate(forgery.witnesses, 1)]
    return "\n".join([*lines, "group both all w1 w2", "quorum both\n"]).encode()


def trust_file(forgery: Forgery, policy: bytes, **changes: object) -> bytes:
    value = {
        "v": 1,
        "origin": forgery.origin,
        "policySha256": sha256(policy).hex(),
        "logKeys": [{"vkey": forgery.log.vkey, "fromSize": 0, "toSize": None}],
        "digestKeys": [{"vkey": forgery.digest.vkey, "fromDigest": 1, "toDigest": None}],
        "producerKeys": [
            {"producerId": name, "vkey": key.vkey, "fromBoot": ""}
            for name, key in sorted(forgery.producers.items())
        ],
        "digestPeriodSeconds": 3600,
        "firstPeriodStart": written(START),
        "roles": {
            "producer": "desk",
            "log": "log",
            "witness": "w1",
            "archive": "archive",
            "watch": "watch",
        },
    }
    return canonical(value | changes)


def order_events(number: int, count: int) -> list[Value]:
    states = ["OrderSubmitted", "OrderAccepted", "OrderFilled", "OrderCancelled"]
    return [
        {
            "entityId": f"order:{number:04d}",
            "eventType": states[at % 4],
            "userId": "anna",
            "clientIp": "10.0.0.7",
            "afterState": {"state": states[at % 4], "price": 100 + at},
            "requestData": {"symbol": "BTCUSDT"},
        }
        for at in range(count)
    ]


def second_hour(making: Making, said: Value) -> None:
    at = START + dt.timedelta(seconds=3800)
    deed = {"entityId": "user:anna", "eventType": "ParameterChanged", "requestData": said}
    making.batch("desk", "d2", at, deed)
    for number in range(40, 80):
        moment = START + dt.timedelta(seconds=3600 + 30 * number)
        making.batch("runtime", "r1", moment, *order_events(number, 3))


def make_log(
    folder: Path,
    change: Callable[[Making], None] | None = None,
    begin: Callable[[Making], None] | None = None,
) -> Made:
    """A whole log of some hundred entries over three hours, one of them empty; its cold copy.

    ``begin`` may add entries behind the first, ``change`` in the second hour.
    """
    origin = "log.example/desk"
    producers = {name: Signer(name) for name in ("desk", "log", "runtime")}
    witnesses = [Signer(f"w{number}.example", COSIGNER) for number in (1, 2)]
    forgery = Forgery(
        folder / "audit",
        folder / "archive",
        origin,
        Signer(origin),
        Signer(origin + "/digest"),
        witnesses,
        producers,
    )
    policy = policy_file(forgery)
    trust = trust_file(forgery, policy)
    forgery.put("trust/policy", policy)
    forgery.put("trust/trust.json", trust)
    making, pin = Making(forgery), sha256(trust).hex()
    making.start("log", "l1", START)
    if begin:
        begin(making)
    making.batch(
        "log",
        "l1",
        START,
        {
            "entityId": f"log:{origin}",
            "eventType": "TrustDeclared",
            "operation": "declare",
            "requestData": {"pin": pin},
        },
    )
    making.start("desk", "d1", START, "old" if ("desk", "old") in making.points else None)
    making.start("runtime", "r1", START)
    for number in range(40):
        making.batch(
            "runtime", "r1", START + dt.timedelta(seconds=30 * number), *order_events(number, 4)
        )
    making.digest(1, START + dt.timedelta(seconds=3601))
    making.start("desk", "d2", START + dt.timedelta(seconds=3700), "d1")
    blob = canonical({"text": "x" * 70_000})
    forgery.put(f"log/blobs/{sha256(blob).hex()[:2]}/{sha256(blob).hex()}", blob)
    second_hour(making, {"$len": len(blob), "$sha256": sha256(blob).hex()})
    if change:
        change(making)
    making.digest(2, START + dt.timedelta(seconds=7201))
    segments = []
    for size in (forgery.digests[0]["treeSizeTo"], len(forgery.entries)):
        key = f"blocks/000000.p/{size}/entries.bundles.gz"
        data = bundle(forgery.entries[:size])
        forgery.put(f"../archive/{key}", data)
        segments.append(forgery.segment(key, 0, size, data))
    making.digest(3, START + dt.timedelta(seconds=10801), segments=segments)
    making.batch("runtime", "r1", START + dt.timedelta(seconds=10900), *order_events(80, 4))
    now = START + dt.timedelta(seconds=11000)
    forgery.write_all(now)
    return Made(forgery, pin, now)
