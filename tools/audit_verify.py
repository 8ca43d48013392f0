"""Verify an audit log from its files, its public keys and a pinned policy.

One file, standard library only; Ed25519 comes from ``cryptography`` where that is installed.
Written from docs/record-format.md and the C2SP specifications that it names, and from nothing
else: it shares no code with what wrote the log.

    python3 audit_verify.py FOLDER [--archive FOLDER] [--trust FOLDER --pin HEX]
        [--checkpoint FILE]... [--receipt FILE]... [--entity ID] [--now TIME] [--json]

FOLDER is ``<data>/audit`` or a cold copy. Exit status: 0 whole, 1 tampered, 2 incomplete,
3 stale, 64 wrong use. Parquet files are compared by hash and length with what a signed digest
says of them; their rows are not read (the entries are, in the bundles beside them).
"""

import argparse
import base64
import datetime as dt
import hashlib
import json
import re
import struct
import sys
import time
import unicodedata
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NoReturn

BLOCK = 65_536
TILE = 256
ENTRY_BYTES_MAX = 65_535
SAFE_INTEGER = 2**53 - 1
DEPTH_MAX = 32
SIGNATURES_MAX = 100
FINDINGS_MAX = 1_000  # a log that is wrong everywhere need not be told line by line
HASH = 32
ED25519, COSIGNER = 1, 4
LAST = 2**63
MAGIC = b"TDAUDIT1"
HEX64 = re.compile(r"[0-9a-f]{64}")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
Object = Mapping[str, object]

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    OPENSSL = True
except ImportError:
    OPENSSL = False


class Wrong(Exception):
    """What was read breaks a rule: which one, and the difference if there is one to show."""

    def __init__(self, rule: str, expected: object = None, found: object = None) -> None:
        super().__init__(rule)
        self.rule, self.expected, self.found = rule, expected, found


# What is reported


@dataclass
class Finding:
    """One thing that is wrong: which verdict it fails, which check found it, and where."""

    verdict: str
    check: str
    what: str
    index: int | None = None
    entity: str | None = None
    version: int | None = None
    expected: str | None = None
    found: str | None = None

    def place(self) -> int:
        """What the first finding is chosen by."""
        if self.check in ("pin", "trust", "policy"):
            return -1
        return LAST if self.index is None else self.index


@dataclass
class Report:
    """Findings in the order in which they were made, and what is worth saying beside them."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)
    more: int = 0

    def add(self, finding: Finding) -> None:
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(finding)
        else:
            self.more += 1

    def tampered(
        self, check: str, wrong: Wrong | str, index: int | None = None, of: Object | None = None
    ) -> None:
        self.add(finding("integrity", check, wrong, index, of))

    def missing(self, check: str, wrong: Wrong | str, index: int | None = None) -> None:
        self.add(finding("completeness", check, wrong, index))

    def stale(self, check: str, wrong: Wrong | str) -> None:
        self.add(finding("freshness", check, wrong))

    def first(self) -> Finding | None:
        """The finding that decides: of the worst verdict, the one at the lowest index.

        Who is not to be believed comes before any entry; what has no index comes last.
        """
        for verdict in ("integrity", "completeness", "freshness"):
            those = [each for each in self.findings if each.verdict == verdict]
            if those:
                return min(those, key=Finding.place)
        return None

    def exit_status(self) -> int:
        first = self.first()
        return (
            0
            if first is None
            else {"integrity": 1, "completeness": 2, "freshness": 3}[first.verdict]
        )


def finding(
    verdict: str, check: str, wrong: Wrong | str, index: int | None = None, of: Object | None = None
) -> Finding:
    made = Finding(verdict, check, wrong.rule if isinstance(wrong, Wrong) else wrong, index)
    if isinstance(wrong, Wrong):
        made.expected = None if wrong.expected is None else str(wrong.expected)
        made.found = None if wrong.found is None else str(wrong.found)
    if of is not None:
        entity, version = of.get("entityId"), of.get("version")
        made.entity = entity if isinstance(entity, str) else None
        made.version = version if isinstance(version, int) else None
    return made


# Canonical JSON (RFC 8785)


def canonical(value: object) -> bytes:
    """Encode what holds no float: keys sorted by UTF-16 code units, shortest escapes."""
    text = json.dumps(
        value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False
    )
    if any(
        ord(letter) > 0xFFFF for letter in text
    ):  # only then do code points and code units sort apart
        text = json.dumps(
            by_code_units(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False
        )
    return text.encode()


def by_code_units(value: object) -> object:
    if isinstance(value, dict):
        return {
            key: by_code_units(value[key])
            for key in sorted(value, key=lambda key: key.encode("utf-16-be"))
        }
    return [by_code_units(each) for each in value] if isinstance(value, list) else value


def integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > SAFE_INTEGER:
        raise Wrong("an integer outside ±(2^53 - 1)", found=digits[:40])
    return int(digits)


def no_number(digits: str) -> float:
    raise Wrong("a number that is no integer", found=digits[:40])


def depth(value: object) -> int:
    """Levels of nesting; walked with a list, since what is read may be deeper than the stack."""
    deepest, open_values = 0, [(value, 1)]
    while open_values:
        at, level = open_values.pop()
        if isinstance(at, dict | list):
            deepest = max(deepest, level)
            open_values.extend(
                (each, level + 1) for each in (at.values() if isinstance(at, dict) else at)
            )
    return deepest


def parse(data: bytes) -> dict[str, object]:
    """Decode one canonical JSON object; whatever would not encode to the same bytes is refused."""
    try:
        value = json.loads(
            data.decode(), parse_int=integer, parse_float=no_number, parse_constant=no_number
        )
        if not isinstance(value, dict):
            raise Wrong("not a JSON object")
        if data.count(b"{") + data.count(b"[") > DEPTH_MAX and depth(value) > DEPTH_MAX:
            raise Wrong("nested too deep", f"at most {DEPTH_MAX} levels", depth(value))
        again = canonical(value)
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or a lone surrogate
        raise Wrong("not JSON that can be encoded again", found=str(error)[:100]) from None
    if again != data:
        expected, found = (part[:200].decode(errors="replace") for part in (again, data))
        raise Wrong("not canonical", expected, found)
    return value


def members(value: Object, names: str, what: str) -> None:
    if set(value) != set(names.split()):
        raise Wrong(f"{what} has other members than it should", names, " ".join(sorted(value)))


def text_of(value: Object, name: str) -> str:
    found = value.get(name)
    if not isinstance(found, str):
        raise Wrong(f"{name} is no string", found=found)
    return found


def number_of(value: Object, name: str, least: int = 0) -> int:
    found = value.get(name)
    if type(found) is not int or found < least:
        raise Wrong(f"{name} is no integer from {least}", found=found)
    return found


def hash_of(value: Object, name: str) -> bytes:
    found = text_of(value, name)
    if not HEX64.fullmatch(found):
        raise Wrong(f"{name} is no SHA-256 in lower-case hex", found=found)
    return bytes.fromhex(found)


def objects_of(value: Object, name: str) -> list[dict[str, object]]:
    found = value.get(name)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise Wrong(f"{name} is no list of objects", found=found)
    return found


def time_of(value: Object, name: str) -> dt.datetime:
    found = text_of(value, name)
    if not TIME.fullmatch(found):
        raise Wrong(f"{name} is no time", "YYYY-MM-DDThh:mm:ss.ffffffZ", found)
    try:
        return dt.datetime.fromisoformat(found)
    except ValueError as error:
        raise Wrong(f"{name} is no time", str(error), found) from None


def written(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def expect(what: str, expected: object, found: object) -> None:
    if expected != found:
        raise Wrong(what, expected, found)


def unbase64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Wrong("not base64", found=text[:100]) from None
    if base64.b64encode(data).decode() != text:
        raise Wrong("base64 with stray bits", found=text[:100])
    return data


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


# Ed25519 (RFC 8032, 5.1 and 6)

FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE_D = -121665 * pow(121666, -1, FIELD) % FIELD
ROOT_OF_MINUS_1 = pow(2, (FIELD - 1) // 4, FIELD)
Point = tuple[int, int, int, int]  # X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z


def point_sum(a: Point, b: Point) -> Point:
    minus, plus = (a[1] - a[0]) * (b[1] - b[0]) % FIELD, (a[1] + a[0]) * (b[1] + b[0]) % FIELD
    cross, twice = 2 * a[3] * b[3] * CURVE_D % FIELD, 2 * a[2] * b[2] % FIELD
    e, f, g, h = plus - minus, twice - cross, twice + cross, plus + minus
    return e * f % FIELD, g * h % FIELD, f * g % FIELD, e * h % FIELD


def point_times(factor: int, point: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = point_sum(total, point)
        point = point_sum(point, point)
        factor >>= 1
    return total


def point_from(data: bytes) -> Point | None:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= FIELD:
        return None
    square = (y * y - 1) * pow(CURVE_D * y * y + 1, -1, FIELD) % FIELD
    x = pow(square, (FIELD + 3) // 8, FIELD)
    if (x * x - square) % FIELD:
        x = x * ROOT_OF_MINUS_1 % FIELD
    if (x * x - square) % FIELD or (x == 0 and sign):
        return None
    x = FIELD - x if x & 1 != sign else x
    return x, y, 1, x * y % FIELD


BASE = point_from((4 * pow(5, -1, FIELD) % FIELD).to_bytes(32, "little"))


def signed_slowly(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether it is a signature of ``message``: 5 ms, for machines without ``cryptography``."""
    if len(public) != HASH or len(signature) != 2 * HASH:
        return False
    key, commitment = point_from(public), point_from(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or BASE is None or scalar >= ORDER:
        return False
    challenge = (
        int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    )
    left, right = point_times(scalar, BASE), point_sum(commitment, point_times(challenge, key))
    return (left[0] * right[2] - right[0] * left[2]) % FIELD == 0 and (
        left[1] * right[2] - right[1] * left[2]
    ) % FIELD == 0


def signed(public: bytes, signature: bytes, message: bytes) -> bool:
    if not OPENSSL:
        return signed_slowly(public, signature, message)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


# Notes, checkpoints, policy (C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-policy)


@dataclass(frozen=True)
class Key:
    """A verifier key: ``<name>+<hex key id>+<base64 of type and public key>``."""

    name: str
    key_id: bytes
    kind: int
    public: bytes

    @classmethod
    def read(cls, vkey: str, kind: int) -> "Key":
        name, _, rest = vkey.partition("+")
        key_id, _, encoded = rest.partition("+")
        material = unbase64(encoded)
        if (
            not name
            or any(letter.isspace() for letter in name)
            or len(material) != 1 + HASH
            or material[0] != kind
        ):
            raise Wrong(f"not a verifier key of type {kind}", found=vkey)
        made = sha256(name.encode() + b"\n" + material)[:4]
        expect("the id of a verifier key is not that of the key", made.hex(), key_id)
        return cls(name, made, material[0], material[1:])

    def checked(self, text: bytes, signature: bytes) -> int | None:
        """The time of a cosignature in seconds, 0 for a plain signature; None for a bad one."""
        if self.kind == ED25519:
            return 0 if signed(self.public, signature, text) else None
        moment = int.from_bytes(signature[:8], "big")
        message = b"cosignature/v1\ntime %d\n%b" % (moment, text)
        return moment if signed(self.public, signature[8:], message) else None


def open_note(data: bytes, keys: Iterable[Key]) -> tuple[str, dict[Key, int]]:
    """Text of a note and which of ``keys`` signed it; one bad signature of theirs refuses all."""
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise Wrong("a note that is not UTF-8") from None
    if any(letter < " " and letter != "\n" for letter in whole):
        raise Wrong("a note with control characters")
    head, blank, tail = whole.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise Wrong("a note without its blank line and signatures")
    lines = tail[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise Wrong("too many signature lines", f"at most {SIGNATURES_MAX}", len(lines))
    known = {(key.name, key.key_id): key for key in keys}
    text, signers = head + "\n", dict[Key, int]()
    for line in lines:
        dash, name, encoded = (
            (*line.split(" "), "", "", "")[:3] if line.count(" ") == 2 else ("", "", "")
        )
        signature = unbase64(encoded)
        if dash != "\u2014" or not re.fullmatch(r"[^\s+]+", name) or len(signature) < 5:
            raise Wrong("not a signature line", found=line[:200])
        key = known.get((name, signature[:4]))
        if key is None:
            continue
        moment = key.checked(text.encode(), signature[4:])
        if moment is None:
            raise Wrong("a bad signature of a known key", found=name)
        signers[key] = max(moment, signers.get(key, 0))
    return text, signers


@dataclass
class Checkpoint:
    """A signed size and root; ``cosigned`` says which witness, and when (seconds since 1970)."""

    size: int
    root: bytes
    where: str
    cosigned: dict[Key, int]


class Policy:
    """A tlog-policy: logs, witnesses, groups, and one quorum."""

    def __init__(self, data: bytes) -> None:
        self.witnesses: dict[bytes, Key] = {}
        self.groups: dict[bytes, tuple[int, list[bytes]]] = {}
        self.logs: list[Key] = []
        self.quorum = b""
        if any((byte < 0x20 and byte not in b"\t\n") or byte == 0x7F for byte in data):
            raise Wrong("the policy has control characters")
        members_so_far: set[bytes] = set()
        *lines, rest = data.split(b"\n")
        if rest:
            raise Wrong("the last line of the policy does not end")
        for line in lines:
            words = [word for word in re.split(rb"[ \t]+", line) if word]
            if words and not words[0].startswith(b"#"):
                self._line(words, members_so_far)
        for keys in (list(self.witnesses.values()), self.logs):
            if len({key.public for key in keys}) != len(keys):
                raise Wrong("the policy has one key twice")
        if not self.quorum:
            raise Wrong("the policy has no quorum")

    def _line(self, words: list[bytes], used: set[bytes]) -> None:
        match words:
            case [b"log", vkey] | [b"log", vkey, _]:
                self.logs.append(Key.read(vkey.decode(), ED25519))
            case [b"witness", name, vkey] | [b"witness", name, vkey, _] if self._free(name):
                self.witnesses[name] = Key.read(vkey.decode(), COSIGNER)
            case [b"group", name, count, *those] if (
                self._free(name) and those and self._all_known(those)
            ):
                self.groups[name] = (self._needed(count, those, used), those)
                used.update(those)
            case [b"quorum", name] if not self.quorum and (
                name == b"none" or self._all_known([name])
            ):
                self.quorum = name
            case _:
                raise Wrong(
                    "a line of the policy that cannot be",
                    found=b" ".join(words).decode(errors="replace"),
                )

    @staticmethod
    def _needed(count: bytes, those: list[bytes], used: set[bytes]) -> int:
        """How many of its members a group asks for; nobody is a member twice."""
        words = {b"any": 1, b"all": len(those)}
        needed = words[count] if count in words else int(count) if count.isdigit() else 0
        if not 1 <= needed <= len(those) or used & set(those) or len(set(those)) != len(those):
            raise Wrong("a group of the policy cannot be", found=count.decode(errors="replace"))
        return needed

    def _free(self, name: bytes) -> bool:
        return name != b"none" and name not in self.witnesses and name not in self.groups

    def _all_known(self, names: list[bytes]) -> bool:
        return all(name in self.witnesses or name in self.groups for name in names)

    def met(self, cosigned: Iterable[Key], name: bytes | None = None) -> bool:
        """Whether these cosigners are the quorum, or the member ``name`` of it."""
        name, cosigners = self.quorum if name is None else name, set(cosigned)
        if name == b"none":
            return True
        if name in self.groups:
            needed, those = self.groups[name]
            return sum(self.met(cosigners, each) for each in those) >= needed
        return self.witnesses[name] in cosigners


@dataclass(frozen=True)
class Span:
    """A key and the numbers (sizes or digests) for which it is believed, both included."""

    key: Key
    first: int
    last: int | None

    def holds(self, number: int) -> bool:
        return self.first <= number and (self.last is None or number <= self.last)


class Trust:
    """``trust.json``: which key is believed for what."""

    def __init__(self, data: bytes) -> None:
        value = parse(data)
        members(
            value,
            "v origin policySha256 logKeys digestKeys producerKeys"
            " digestPeriodSeconds firstPeriodStart roles",
            "trust.json",
        )
        expect("v of trust.json", 1, value["v"])
        self.pin = sha256(data).hex()
        self.origin = text_of(value, "origin")
        self.policy_sha256 = hash_of(value, "policySha256").hex()
        self.log_keys = [
            self._span(each, "fromSize", "toSize") for each in objects_of(value, "logKeys")
        ]
        self.digest_keys = [
            self._span(each, "fromDigest", "toDigest") for each in objects_of(value, "digestKeys")
        ]
        self.producers: dict[str, list[tuple[str, Key]]] = {}
        for each in objects_of(value, "producerKeys"):
            members(each, "producerId vkey fromBoot", "a producer key")
            key = Key.read(text_of(each, "vkey"), ED25519)
            self.producers.setdefault(text_of(each, "producerId"), []).append(
                (text_of(each, "fromBoot"), key)
            )
        self.period = number_of(value, "digestPeriodSeconds", 1)
        self.start = time_of(value, "firstPeriodStart")
        self.roles = value["roles"]
        for span in self.log_keys:
            expect("the name of a log key is not the origin", self.origin, span.key.name)
        for span in self.digest_keys:
            expect("the name of a digest key", self.origin + "/digest", span.key.name)

    @staticmethod
    def _span(value: Object, first: str, last: str) -> Span:
        members(value, f"vkey {first} {last}", "a key of trust.json")
        until = None if value[last] is None else number_of(value, last)
        return Span(Key.read(text_of(value, "vkey"), ED25519), number_of(value, first), until)

    def producer_key(self, producer: str, boot: str) -> Key | None:
        fitting = [each for each in self.producers.get(producer, []) if each[0] <= boot]
        return max(fitting, key=lambda each: each[0])[1] if fitting else None

    def open_checkpoint(self, data: bytes, policy: Policy | None, where: str) -> Checkpoint:
        """Read a checkpoint note; the log key that signed it has to be valid for its size."""
        witnesses = policy.witnesses.values() if policy else ()
        text, signers = open_note(data, [*(span.key for span in self.log_keys), *witnesses])
        lines = text[:-1].split("\n")
        if len(lines) != 3 or not DECIMAL.fullmatch(lines[1]):
            raise Wrong("not the three lines of a checkpoint", found=text[:200])
        expect("the checkpoint of another log", self.origin, lines[0])
        size, root = int(lines[1]), unbase64(lines[2])
        expect("bytes of the root", HASH, len(root))
        if not any(span.key in signers and span.holds(size) for span in self.log_keys):
            raise Wrong("no signature of a log key that is valid for this size", found=size)
        return Checkpoint(
            size, root, where, {key: at for key, at in signers.items() if key.kind == COSIGNER}
        )


# The tree (RFC 6962) and its tiles


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right)


class Tree:
    """All hashes of complete subtrees: ``levels[k]`` holds those of 2^k leaves, 32 bytes each."""

    def __init__(self) -> None:
        self.levels = [bytearray()]

    @property
    def size(self) -> int:
        return len(self.levels[0]) // HASH

    def append(self, leaf: bytes) -> None:
        level, at = 0, leaf
        while True:
            if level == len(self.levels):
                self.levels.append(bytearray())
            hashes = self.levels[level]
            hashes += at
            if len(hashes) // HASH % 2:
                return
            at, level = sha256(b"\1" + hashes[-2 * HASH :]), level + 1

    def at(self, level: int, number: int) -> bytes:
        if level >= len(self.levels):
            return b""
        return bytes(self.levels[level][number * HASH : number * HASH + HASH])

    def root(self, size: int, start: int = 0) -> bytes:
        """The root over ``size`` leaves from ``start``, which is a multiple of the block."""
        if size == 0:
            return sha256(b"")
        parts, done = [], 0
        for level in reversed(range(size.bit_length())):
            if size >> level & 1:
                parts.append(self.at(level, (start + done) >> level))
                done += 1 << level
        total = parts.pop()
        while parts:
            total = node(parts.pop(), total)
        return total


def root_of(leaves: list[bytes]) -> bytes:
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root(len(leaves))


def leaf(data: bytes) -> bytes:
    return sha256(b"\0" + data)


def included(leaf_hash: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """The root that an inclusion proof leads to (RFC 9162, 2.1.3.2); its length has to fit."""
    if index >= size:
        raise Wrong("an index behind the tree", f"below {size}", index)
    at, last, total = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            raise Wrong("an inclusion proof that is too long", found=len(proof))
        if at & 1 or at == last:
            total = node(sibling, total)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            total = node(total, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise Wrong("an inclusion proof that is too short", found=len(proof))
    return total


def tile_name(level: int, number: int) -> str:
    parts = [f"{number % 1000:03d}"]
    while number := number // 1000:
        parts.append(f"x{number % 1000:03d}")
    return f"{level}/" + "/".join(reversed(parts))


def tile_files(log: Path | None) -> dict[Path, bytes]:
    """Read all tiles of a log, the partial ones as far as they do not give way to fuller ones."""
    found = {}
    for path in sorted((log / "tile").rglob("*")) if log else []:
        try:
            if path.is_file():
                found[path] = path.read_bytes()
        except FileNotFoundError:
            continue
    return found


def tile_place(name: str) -> tuple[int, int, int] | None:
    """Level, number and width of a tile by its path below ``tile/``; None for another file's."""
    matched = re.fullmatch(
        r"(0|[1-5]?[0-9]|6[0-3])/((?:x\d{3}/)*\d{3})(?:\.p/([1-9]\d{0,2}))?", name, re.ASCII
    )
    if not matched:
        return None
    number, width = int(re.sub(r"[x/]", "", matched[2])), int(matched[3] or TILE)
    place = int(matched[1]), number, width
    full = tile_name(place[0], number) + (f".p/{width}" if matched[3] else "")
    return place if full == name and width <= TILE - bool(matched[3]) else None


# An entry

ENTRY_MEMBERS = (
    "afterState beforeState clientIp entityId eventId eventTime eventType operation previousHash"
    " producer requestData serviceName traceId userId version"
)


def read_entry(data: bytes) -> dict[str, object]:
    """Parse an entry and hold it to the rules that it can be held to alone."""
    if len(data) > ENTRY_BYTES_MAX:
        raise Wrong("an entry too large", ENTRY_BYTES_MAX, len(data))
    entry = parse(data)
    members(entry, ENTRY_MEMBERS, "an entry")
    entry_types(entry)
    if not UUID.fullmatch(text_of(entry, "eventId")):
        raise Wrong("eventId is no lower-case UUID", found=entry["eventId"])
    time_of(entry, "eventTime")
    hash_of(entry, "previousHash")
    number_of(entry, "version", 1)
    name_of(entry, "entityId")
    if unicodedata.normalize("NFC", text_of(entry, "entityId")) != entry["entityId"]:
        raise Wrong("entityId is not in normal form C", found=entry["entityId"])
    producer = object_of(entry, "producer")
    members(producer, "boot id seq signature", "producer")
    name_of(producer, "boot")
    name_of(producer, "id")
    number_of(producer, "seq", 1)
    if producer["signature"] is not None:
        text_of(producer, "signature")
    return entry


def entry_types(entry: Object) -> None:
    for name in ("eventType", "operation", "serviceName"):
        text_of(entry, name)
    for name in ("clientIp", "traceId", "userId"):
        if entry[name] is not None:
            text_of(entry, name)
    for name in ("afterState", "beforeState", "requestData"):
        if entry[name] is not None and not isinstance(entry[name], dict):
            raise Wrong(f"{name} is neither an object nor null")


def name_of(value: Object, name: str) -> str:
    found = text_of(value, name)
    if not 1 <= len(found) <= 256 or any(unicodedata.category(letter) == "Cc" for letter in found):
        raise Wrong(
            f"{name} is not 1 to 256 characters without control characters", found=found[:300]
        )
    return found


def submission_hash(entry: Object) -> bytes:
    """SHA-256(S_n): of what the producer submitted, its signature being null."""
    submitted = {
        name: value for name, value in entry.items() if name not in ("previousHash", "version")
    }
    submitted["producer"] = {**object_of(entry, "producer"), "signature": None}
    return sha256(canonical(submitted))


def object_of(value: Object, name: str) -> dict[str, object]:
    found = value.get(name)
    if not isinstance(found, dict):
        raise Wrong(f"{name} is no object", found=found)
    return found


class Chains:
    """The chain of each entity: versions 1, 2, 3, … and each the hash of the one before."""

    def __init__(self, origin: str, report: Report) -> None:
        self.origin, self.report = origin, report
        self.heads: dict[str, tuple[int, str]] = {}

    def take(self, index: int, entry: Object, current: str, *, whole: bool) -> None:
        """Hold an entry to the one before; ``whole`` says that all before could be read."""
        entity, version = text_of(entry, "entityId"), number_of(entry, "version")
        at, previous = self.heads.get(entity) or (0, self.genesis(entity))
        self.heads[entity] = (version, current)
        if version != at + 1:
            wrong = Wrong("the version does not follow", at + 1, version)
            if version > at and not whole:
                self.report.missing("chain", wrong, index)
            else:
                self.report.tampered("chain", wrong, index, entry)
        elif entry["previousHash"] != previous:
            wrong = Wrong("previousHash is not that entry's", previous, entry["previousHash"])
            self.report.tampered("chain", wrong, index, entry)

    def genesis(self, entity: str) -> str:
        return sha256(f"tapedeck-genesis/v1\n{self.origin}\n{entity}".encode()).hex()


# Producers


@dataclass
class Boot:
    """One run of a producer in the order of the log: 48 bytes an entry, judged at the end."""

    producer: str
    name: str
    start: dict[str, object]  # the first entry
    seqs: "array[int]" = field(default_factory=lambda: array("q"))
    indexes: "array[int]" = field(default_factory=lambda: array("q"))
    hashes: bytearray = field(default_factory=bytearray)
    signatures: dict[int, str] = field(default_factory=dict)  # by sequence
    last: int = 0  # how far the chain could be followed, and P there
    chain: bytes = b""
    covered: int = 0  # the last sequence that a signature covers
    broken: bool = False

    def __str__(self) -> str:
        return f"producer {self.producer}, boot {self.name}"

    def take(self, index: int, seq: int, entry: dict[str, object]) -> None:
        self.seqs.append(seq)
        self.indexes.append(index)
        self.hashes += submission_hash(entry)
        signature = object_of(entry, "producer")["signature"]
        if isinstance(signature, str):
            self.signatures[seq] = signature

    def step(self, submission: bytes) -> None:
        """P goes on by one submission, given by its hash."""
        if not self.last:
            self.chain = sha256(f"tapedeck-producer/v1\n{self.producer}\n{self.name}".encode())
        self.last, self.chain = self.last + 1, sha256(self.chain + submission)

    def cover(self, key: Key, encoded: str) -> bool:
        """Whether a signature, in base64, is one of everything up to here."""
        text = f"tapedeck-batch/v1\n{self.producer}\n{self.name}\n{self.last}\n{self.chain.hex()}\n"
        try:
            good = signed(key.public, unbase64(encoded), text.encode())
        except Wrong:
            good = False
        self.covered = self.last if good else self.covered
        return good


ALARMS = frozenset(
    {
        "EventIdReused",
        "SequenceBroken",
        "SequenceReused",
        "SignatureWrong",
        "StreamDamaged",
        "SubmissionUnreadable",
    }
)


class Producers:
    """What each producer signed, against what the log holds of it."""

    def __init__(self, trust: Trust, report: Report) -> None:
        self.trust, self.report = trust, report
        self.boots: dict[tuple[str, str], Boot] = {}
        self.skipped: dict[tuple[str, str, int], tuple[bytes, str | None]] = {}
        self.dropped = 0

    def take(self, index: int, entry: dict[str, object]) -> None:
        producer = object_of(entry, "producer")
        name = text_of(producer, "id"), text_of(producer, "boot")
        boot = self.boots.setdefault(name, Boot(*name, entry))
        boot.take(index, number_of(producer, "seq"), entry)
        if entry["eventType"] in ("EventRepeated", "EventIdReused") and name[0] == "log":
            self._skip(index, entry)
        if entry["eventType"] in ALARMS and name[0] == "log":
            self.report.notes.append(f"entry {index} is an alarm of the log: {entry['eventType']}")
        if entry["eventType"] == "ForkDeclared" and (index, name[0]) == (1, "log"):
            self._go_on(index, entry)
        if entry["eventType"] == "AuditDropped":
            self.dropped += dropped_by(entry)

    def _go_on(self, index: int, entry: dict[str, object]) -> None:
        """Take over the boots that a log before this one had, each behind its last sequence."""
        try:
            for each in objects_of(object_of(entry, "requestData"), "producers"):
                name = text_of(each, "id"), text_of(each, "boot")
                boot = self.boots.setdefault(name, Boot(*name, entry))
                boot.last = boot.covered = number_of(each, "seq", 1)
                boot.chain = hash_of(each, "chain")
        except Wrong as wrong:
            self.report.tampered("entry", wrong, index, entry)

    def _skip(self, index: int, entry: dict[str, object]) -> None:
        try:
            said = object_of(entry, "requestData")
            where = text_of(said, "producerId"), text_of(said, "boot"), number_of(said, "seq", 1)
            signature = None if said.get("signature") is None else text_of(said, "signature")
            self.skipped[where] = (hash_of(said, "sha256"), signature)
        except Wrong as wrong:
            self.report.tampered("entry", wrong, index, entry)

    def judge(self, evidence_to: int, *, whole: bool) -> None:
        """Check each boot's sequence, chain and signatures, then that boots follow one another."""
        for boot in self.boots.values():
            self._sequence(boot)
        for boot in self.boots.values():
            self._start(boot)
        if whole:  # else what would have covered the last ones may be among what is missing
            for boot in self.boots.values():
                self._uncovered(boot, evidence_to)

    def _uncovered(self, boot: Boot, evidence_to: int) -> None:
        at = next((at for at, seq in enumerate(boot.seqs) if seq > boot.covered), None)
        if at is not None and not boot.broken and boot.indexes[at] < evidence_to:
            wrong = Wrong(f"no signature of {boot} covers it", found=f"up to seq {boot.covered}")
            self.report.tampered("producer-signature", wrong, boot.indexes[at])

    def _sequence(self, boot: Boot) -> None:
        key = self.trust.producer_key(boot.producer, boot.name)
        if key is None:
            boot.broken = True
            wrong = Wrong("trust.json has no key of this producer", found=boot)
            self.report.tampered("producer-key", wrong, min(boot.indexes, default=None))
            return
        for place, (seq, index) in enumerate(zip(boot.seqs, boot.indexes, strict=True)):
            self._over_skipped(key, boot, index)
            if not boot.broken and seq != boot.last + 1:
                self._gap(boot, seq, index)
            if boot.broken:
                return
            boot.step(bytes(boot.hashes[place * HASH : place * HASH + HASH]))
            self._covered(key, boot, boot.signatures.get(seq), index)
        if boot.indexes:
            self._over_skipped(key, boot, boot.indexes[-1])

    def _over_skipped(self, key: Key, boot: Boot, index: int) -> None:
        """Go over the submissions that the log says it did not take in again."""
        while skip := self.skipped.get((boot.producer, boot.name, boot.last + 1)):
            boot.step(skip[0])
            self._covered(key, boot, skip[1], index)

    def _gap(self, boot: Boot, seq: int, index: int) -> None:
        boot.broken = True
        wrong, back = Wrong(f"seq of {boot}", boot.last + 1, seq), seq <= boot.last
        if back:
            self.report.tampered("producer-sequence", wrong, index)
        else:
            self.report.missing("producer-sequence", wrong, index)

    def _covered(self, key: Key, boot: Boot, encoded: str | None, index: int) -> None:
        """Judge a signature; what comes behind a bad one would fail for the same reason."""
        if encoded is None or boot.broken or boot.cover(key, encoded):
            return
        boot.broken = True
        what = f"the signature of {boot}, seq {boot.last}, is not of what is here"
        wrong = Wrong(what, f"one over all behind seq {boot.covered}", f"P {boot.chain.hex()}")
        self.report.tampered("producer-signature", wrong, index)

    def _start(self, boot: Boot) -> None:
        if not boot.seqs or boot.seqs[0] != 1:
            return  # it goes on from a log before, or its hole is told already
        index, said = boot.indexes[0], boot.start["requestData"]
        expected = "LogOpened" if boot.producer == "log" else "ProducerStarted"
        try:
            expect("the first entry of a boot", expected, boot.start["eventType"])
            if boot.producer != "log":
                expect("its entity", f"producer:{boot.producer}", boot.start["entityId"])
            if not isinstance(said, dict):
                raise Wrong("the start of a producer does not name the boot before")
            names = ("previousBoot", "previousSeq", "previousChain")
            if not set(names) <= set(said):
                raise Wrong("the start of a producer does not name the boot before")
            self._follows(index, [said[name] for name in names], boot)
        except Wrong as wrong:
            self.report.tampered("producer-restart", wrong, index, boot.start)

    def _follows(self, index: int, said: list[object], boot: Boot) -> None:
        """Hold the start of a boot to the one that it names; over streams they may overlap."""
        name, seq, chain = said
        before = self.boots.get((boot.producer, name)) if isinstance(name, str) else None
        if name is None:
            known = next(each for each in self.boots.values() if each.producer == boot.producer)
            expect("the boot before this one", None, known.name if known is not boot else None)
        elif before is None:
            wrong = Wrong("the boot before this one is missing", name)
            self.report.missing("producer-restart", wrong, index)
        elif not before.broken:
            if type(seq) is not int or seq < before.last:
                raise Wrong("an earlier end of the boot before is named", before.last, seq)
            if seq > before.last:
                wrong = Wrong("the end of the boot before is missing", seq, before.last)
                self.report.missing("producer-restart", wrong, index)
                return
            expect("the chain of the boot before", before.chain.hex(), chain)
            before.covered = seq


def dropped_by(entry: Object) -> int:
    said = entry["requestData"]
    count = said.get("count") if isinstance(said, dict) else None
    return count if isinstance(count, int) else 0


# Periods: what digests say of entries


@dataclass
class Period:
    """What the entries of one digest's period were."""

    entities: dict[str, list[int | str]] = field(
        default_factory=dict
    )  # first and last version, count, head
    producers: dict[tuple[str, str], list[int]] = field(
        default_factory=dict
    )  # first and last seq, dropped
    oldest: str | None = None
    newest: str | None = None
    unread: int = 0

    def take(self, entry: Object, current: str) -> None:
        version, entity = number_of(entry, "version"), str(entry["entityId"])
        line = self.entities.setdefault(entity, [version, version, 0, current])
        line[1], line[2], line[3] = version, int(line[2]) + 1, current
        producer, moment = object_of(entry, "producer"), str(entry["eventTime"])
        seq = number_of(producer, "seq")
        part = self.producers.setdefault(
            (str(producer["id"]), str(producer["boot"])), [seq, seq, 0]
        )
        part[1] = seq
        part[2] += dropped_by(entry) if entry["eventType"] == "AuditDropped" else 0
        self.oldest, self.newest = (
            min(moment, self.oldest or moment),
            max(moment, self.newest or moment),
        )

    def lines(self) -> list[bytes]:
        return [
            "\t".join((entity, *map(str, self.entities[entity]))).encode()
            for entity in sorted(self.entities, key=lambda name: name.encode())
        ]


DIGEST_MEMBERS = (
    "v origin digestNo periodStart periodEnd treeSizeFrom treeSizeTo rootHash checkpoint heads"
    " segments producers clock oldestEventTime newestEventTime alarms previousSha256"
)


@dataclass
class Digest:
    """One signed hour that was read: its number, its file's hash, and what it says."""

    number: int
    sha256: str
    value: dict[str, object]
    size_from: int
    size_to: int
    checkpoint: Checkpoint | None


@dataclass
class Options:
    """What the command line asked for."""

    folder: Path
    archive: Path | None
    trust: Path | None
    pin: str | None
    checkpoints: list[Path]
    receipts: list[Path]
    entity: str | None
    now: dt.datetime


class Verification:
    """One run over one log. Each part reports what it finds and goes on with what is left."""

    def __init__(self, options: Options) -> None:
        self.options, self.report = options, Report()
        self.log = options.folder / "log" if (options.folder / "log").is_dir() else None
        own = options.folder if self.log is None else None
        self.archive = options.archive or own
        self.tree = Tree()
        self.policy: Policy | None = None
        self.digests: dict[int, Digest] = {}
        self.checkpoints: list[Checkpoint] = []
        self.published: Checkpoint | None = None
        self.periods: dict[int, Period] = {}
        self.tile_files: dict[Path, bytes] = {}
        self.event_ids: set[bytes] = set()
        self.entries = 0
        self.from_tiles = 0
        self.evidence = 0
        self.last_pin: tuple[int, object] | None = None

    def run(self) -> Report:
        trust = self._trust()
        if trust is None:
            return self.report
        self.chains, self.producers, self.trust = (
            Chains(trust.origin, self.report),
            Producers(trust, self.report),
            trust,
        )
        self._checkpoints()
        self._digests()
        self._entries()
        if self.options.entity is None:
            whole = not self.from_tiles and self.tree.size >= self.evidence
            self.producers.judge(self.evidence, whole=whole)
            self._declared()
        self._roots()
        self._tiles()
        for number in sorted(self.digests):
            self._digest_against_entries(self.digests[number])
        self._archive()
        for path in self.options.receipts:
            self._receipt(path)
        self._freshness()
        self._facts()
        return self.report

    # Trust

    def _trust(self) -> Trust | None:
        folder = self.options.trust or self.options.folder / "trust"
        try:
            data, policy = (folder / "trust.json").read_bytes(), (folder / "policy").read_bytes()
        except OSError as error:
            self.report.missing("trust", f"cannot read whom to believe: {error}")
            return None
        try:
            trust = Trust(data)
        except Wrong as wrong:
            self.report.tampered("trust", wrong)
            return None
        if self.options.pin is None:
            self.report.notes.append(
                f"not pinned: trust.json is believed as it lies there (its pin is {trust.pin})"
            )
        elif self.options.pin != trust.pin:
            self.report.tampered(
                "pin",
                Wrong("trust.json is not the one that was pinned", self.options.pin, trust.pin),
            )
        if sha256(policy).hex() != trust.policy_sha256:
            self.report.tampered(
                "policy",
                Wrong(
                    "the policy is not the one that trust.json names",
                    trust.policy_sha256,
                    sha256(policy).hex(),
                ),
            )
        try:
            self.policy = Policy(policy)
        except (Wrong, UnicodeDecodeError) as wrong:
            self.report.tampered(
                "policy",
                wrong if isinstance(wrong, Wrong) else "a key of the policy that is not text",
            )
        return trust

    def _declared(self) -> None:
        """The last TrustDeclared of the log names the trust.json in use."""
        if self.last_pin is None:
            if self.entries and not self.from_tiles:
                self.report.missing("trust-declared", "the log declares no trust.json")
        elif self.last_pin[1] != self.trust.pin:
            self.report.tampered(
                "trust-declared",
                Wrong("the log declares another trust.json", self.last_pin[1], self.trust.pin),
                self.last_pin[0],
            )

    # Checkpoints

    def _checkpoints(self) -> None:
        paths = [self.log / "checkpoint"] if self.log else []
        for path in (*paths, *self.options.checkpoints):
            try:
                read = self.trust.open_checkpoint(path.read_bytes(), self.policy, str(path))
            except OSError as error:
                if path in self.options.checkpoints:
                    self.report.missing("checkpoint", f"cannot read: {error}")
            except Wrong as wrong:
                self.report.tampered(
                    "checkpoint", Wrong(f"{path}: {wrong.rule}", wrong.expected, wrong.found)
                )
            else:
                self.checkpoints.append(read)
                if path in paths:
                    self.published = read

    def _newest(self) -> Checkpoint | None:
        """The largest checkpoint; of equal ones, the one with the newest cosignature."""
        return max(
            self.checkpoints,
            key=lambda each: (each.size, max(each.cosigned.values(), default=0)),
            default=None,
        )

    # Digests, by themselves

    def _digests(self) -> None:
        places = [each / "digests" for each in (self.log, self.archive) if each is not None]
        found: dict[int, dict[Path, bytes]] = {}
        for path in [path for place in places for path in sorted(place.glob("*"))]:
            number = int(path.stem) if path.stem.isdigit() else 0
            if number and path.name == f"{number:08d}.note":
                found.setdefault(number, {})[path.parent] = path.read_bytes()
            elif path.suffix != ".tmp" or path.parent.parent != self.log:
                self.report.tampered("digest-number", f"{path} is no digest")
        previous: Digest | None = None
        for number in range(1, max(found, default=0) + 1):
            copies = found.get(number, {})
            for place in places:
                # An archive may be behind, but it has no holes; the log's own come first.
                last = max((at for at in found if place in found[at]), default=0)
                if place not in copies and (not copies or place == places[0] or number < last):
                    self.report.missing("digest-number", f"digest {number} is missing in {place}")
                elif place not in copies:
                    self.report.notes.append(f"digest {number} has not reached {place}")
            previous = self._digest_copy(number, list(copies.values()), previous)

    def _digest_copy(
        self, number: int, copies: list[bytes], previous: Digest | None
    ) -> Digest | None:
        if len(set(copies)) > 1:
            self.report.tampered("digest-number", f"digest {number} is not the same everywhere")
        read = self._digest(number, copies[0], previous) if copies else None
        if read:
            self.digests[number] = read
        return read

    def _digest(self, number: int, data: bytes, previous: Digest | None) -> Digest | None:
        try:
            text, signers = open_note(data, [span.key for span in self.trust.digest_keys])
            if not any(
                span.key in signers and span.holds(number) for span in self.trust.digest_keys
            ):
                raise Wrong("no signature of a digest key that is valid for this number")
            value = parse(text[:-1].encode())
            members(value, DIGEST_MEMBERS, "a digest")
            expect("v", 1, value["v"])
            expect("the origin of a digest", self.trust.origin, value["origin"])
            sizes = number_of(value, "treeSizeFrom"), number_of(value, "treeSizeTo")
            hash_of(value, "rootHash")
            objects_of(value, "segments")
            members(object_of(value, "heads"), "key sha256 root count", "heads")
            checkpoint = None
            if value["checkpoint"] is not None:
                checkpoint = self.trust.open_checkpoint(
                    text_of(value, "checkpoint").encode(), self.policy, f"digest {number}"
                )
        except Wrong as wrong:
            self.report.tampered(
                "digest", Wrong(f"digest {number}: {wrong.rule}", wrong.expected, wrong.found)
            )
            return None
        digest = Digest(number, sha256(data).hex(), value, *sizes, checkpoint)
        self._digest_place(digest, previous)
        if checkpoint:
            self.checkpoints.append(checkpoint)
        return digest

    def _digest_place(self, digest: Digest, previous: Digest | None) -> None:
        number, value = digest.number, digest.value
        start = self.trust.start + dt.timedelta(seconds=(number - 1) * self.trust.period)
        checks = [
            ("digest-number", "its number", number, value["digestNo"]),
            ("digest-number", "its start", written(start), value["periodStart"]),
            (
                "digest-number",
                "its end",
                written(start + dt.timedelta(seconds=self.trust.period)),
                value["periodEnd"],
            ),
        ]
        if number > 1 and value["previousSha256"] is None:
            self.report.tampered("digest-chain", f"digest {number} names none before it")
        elif number == 1 or previous:
            checks.append(
                (
                    "digest-chain",
                    "previousSha256",
                    previous.sha256 if previous else None,
                    value["previousSha256"],
                )
            )
            checks.append(
                (
                    "digest-tree",
                    "treeSizeFrom",
                    previous.size_to if previous else 0,
                    digest.size_from,
                )
            )
        for check, what, expected, found in checks:
            if expected != found:
                self.report.tampered(check, Wrong(f"digest {number}: {what}", expected, found))
        if digest.size_to < digest.size_from or (
            digest.checkpoint and digest.checkpoint.size < digest.size_to
        ):
            self.report.tampered(
                "digest-tree",
                Wrong(f"digest {number}: its sizes go backwards", digest.size_from, digest.size_to),
            )

    # Entries

    def _entries(self) -> None:
        newest = self._newest()
        self.evidence = newest.size if newest else 0
        # Before the entries: of a log that is being written, whatever a tile counts is there.
        self.tile_files = tile_files(self.log)
        counted = max([self.evidence, *(digest.size_to for digest in self.digests.values())])
        # Where a digest is missing, the one after it still begins where it says.
        ends = sorted(
            {size for each in self.digests.values() for size in (each.size_from, each.size_to)}
        )
        self.periods = {end: Period() for end in ends}
        pointer, index = 0, 0
        for data in self._all_entries(counted):
            while pointer < len(ends) and ends[pointer] <= index:
                pointer += 1
            period = self.periods[ends[pointer]] if pointer < len(ends) else None
            if isinstance(data, bytes):
                self.tree.append(leaf(data))
                self._entry(index, data, period)
            else:
                self.tree.append(data.leaf_hash)
                self.from_tiles += 1
                if period:
                    period.unread += 1
            index += 1
        self.entries = index
        if index > self.evidence:
            self.report.notes.append(
                f"{index - self.evidence} entries behind the newest checkpoint are not evidence yet"
            )

    def _all_entries(self, counted: int) -> Iterator["bytes | Unread"]:
        """The entries in order: from the frames, else the cold copy, else their hashes alone."""
        files = self.log.glob("frames/*.frames") if self.log else []
        numbers = [int(path.stem) for path in files if path.stem.isdigit()]
        for block in range(max([-1, *numbers, (counted - 1) // BLOCK]) + 1):
            place, wanted = 0, min(BLOCK, max(0, counted - block * BLOCK))
            for data in self._frames(block, last=block == max(numbers, default=-1)):
                yield data
                place += 1
            # A file of frames that just ends is cut: the cold copy stands for whole files alone.
            cold = self._cold_entries(block) if not place or self._damaged(block) else []
            for data in cold[place:wanted]:
                yield data
                place += 1
            if place < wanted:
                wrong = Wrong(f"entries of block {block} are missing", wanted, place)
                self.report.missing("entries", wrong, block * BLOCK + place)
            while place < wanted and (hashed := self._tile_leaf(block * BLOCK + place)):
                yield Unread(hashed)
                place += 1
            if place < wanted:
                return

    def _damaged(self, block: int) -> bool:
        span = range(block * BLOCK, (block + 1) * BLOCK)
        found = (each.index for each in self.report.findings if each.check == "frames")
        return any(index in span for index in found if index is not None)

    def _frames(self, block: int, *, last: bool) -> Iterator[bytes]:
        path = self.log / f"frames/{block:06d}.frames" if self.log else None
        if path is None or not path.exists():
            return
        index = block * BLOCK
        try:
            data = path.read_bytes()
            at = self._frames_header(data, block)
            while at < len(data):
                length, crc = (
                    struct.unpack_from("<II", data, at) if at + 16 <= len(data) else (0, 0)
                )
                end = at + 16 + length
                if at + 16 > len(data) or end > len(data):
                    self._torn(path, index, at, last=last and (index - block * BLOCK) < BLOCK)
                    return
                if zlib.crc32(data[at + 8 : end]) != crc:
                    if last and end == len(data):
                        self._torn(path, index, at, last=True)
                        return
                    raise Wrong(
                        f"{path}: a frame is damaged at byte {at}",
                        f"CRC-32 {crc:08x}",
                        f"{zlib.crc32(data[at + 8 : end]):08x}",
                    )
                expect(
                    f"{path}: the index of a frame",
                    index,
                    struct.unpack_from("<Q", data, at + 8)[0],
                )
                if index - block * BLOCK >= BLOCK:
                    raise Wrong(f"{path}: more entries than a block holds")
                yield data[at + 16 : end]
                at, index = end, index + 1
        except OSError as error:
            self.report.missing("frames", f"cannot read: {error}", index)
        except Wrong as wrong:
            self.report.tampered("frames", wrong, index)

    def _frames_header(self, data: bytes, block: int) -> int:
        length: int
        length, crc = struct.unpack_from("<II", data, 8) if len(data) >= 16 else (0, 0)
        head = data[16 : 16 + length]
        if data[:8] != MAGIC or len(head) != length or zlib.crc32(head) != crc:
            raise Wrong(f"frames of block {block}: the header is damaged")
        expect(
            f"frames of block {block}: the header",
            {"block": block, "origin": self.trust.origin},
            parse(head),
        )
        return 16 + length

    def _torn(self, path: Path, index: int, at: int, *, last: bool) -> None:
        if last:
            self.report.notes.append(
                f"{path}: a torn frame ends it at byte {at} (entry {index}); a crash leaves that"
            )
        else:
            self.report.tampered(
                "frames",
                Wrong(f"{path}: a frame is cut at byte {at}, and it is not the last file"),
                index,
            )

    def _cold_entries(self, block: int) -> list[bytes]:
        """The entries of the archive's largest copy of a block; ``_archive`` tells its faults."""
        if self.archive is None:
            return []
        full = self.archive / f"blocks/{block:06d}/entries.bundles.gz"
        partial = self.archive.glob(f"blocks/{block:06d}.p/*/entries.bundles.gz")
        ordered = sorted(
            (path for path in partial if path.parent.name.isdigit()),
            key=lambda path: int(path.parent.name),
        )
        for path in [full, *reversed(ordered)]:
            try:
                return bundle_entries(path.read_bytes())
            except (OSError, Wrong):
                continue
        return []

    def _tile_leaf(self, index: int) -> bytes | None:
        if self.log is None:
            return None
        name = self.log / "tile" / tile_name(0, index // TILE)
        widths = sorted(
            (
                int(path.name)
                for path in name.with_name(name.name + ".p").glob("*")
                if path.name.isdigit()
            ),
            reverse=True,
        )
        for path in (name, *(name.with_name(name.name + ".p") / str(width) for width in widths)):
            if path.is_file():
                with path.open("rb") as tile:
                    tile.seek(index % TILE * HASH)
                    hashed = tile.read(HASH)
                return hashed if len(hashed) == HASH else None
        return None

    def _entry(self, index: int, data: bytes, period: Period | None) -> None:
        entity = self.options.entity
        if entity is not None and canonical(entity) not in data:
            return
        try:
            entry = read_entry(data)
        except Wrong as wrong:
            self.report.tampered("entry", wrong, index)
            if period:
                period.unread += 1
            return
        if entity is not None and entry["entityId"] != entity:
            return
        current = sha256(data).hex()
        self.chains.take(index, entry, current, whole=not self.from_tiles)
        if period:
            period.take(entry, current)
        self._blobs(index, entry)
        if entity is None:
            self._unique(index, entry)
            self.producers.take(index, entry)
            if entry["eventType"] == "TrustDeclared":
                said = entry["requestData"]
                self.last_pin = (index, said.get("pin") if isinstance(said, dict) else None)

    def _unique(self, index: int, entry: Object) -> None:
        event_id = bytes.fromhex(str(entry["eventId"]).replace("-", ""))
        if event_id in self.event_ids:
            self.report.tampered(
                "event-id",
                Wrong("an eventId that an earlier entry has", found=entry["eventId"]),
                index,
                entry,
            )
        self.event_ids.add(event_id)

    def _blobs(self, index: int, entry: Object) -> None:
        for name in ("afterState", "beforeState", "requestData"):
            value = entry[name]
            if not isinstance(value, dict) or set(value) != {"$len", "$sha256"}:
                continue
            try:
                length, hashed = number_of(value, "$len"), hash_of(value, "$sha256").hex()
            except Wrong as wrong:
                self.report.tampered("blob", wrong, index, entry)
                continue
            places = [each for each in (self.log, self.archive) if each]
            paths = [place / "blobs" / hashed[:2] / hashed for place in places]
            path = next((each for each in paths if each.is_file()), None)
            blob = path.read_bytes() if path else b""
            if path is None:
                self.report.missing("blob", f"{name} of the entry lies in no blob {hashed}", index)
                continue
            if (len(blob), sha256(blob).hex()) != (length, hashed):
                self.report.tampered(
                    "blob",
                    Wrong(
                        f"{path} is not what the entry says",
                        f"{length} bytes {hashed}",
                        f"{len(blob)} bytes {sha256(blob).hex()}",
                    ),
                    index,
                    entry,
                )

    # The tree against what was signed

    def _roots(self) -> None:
        """Each signed size and root against the entries; the last that fits says from where on."""
        signed_roots = [(each.size, each.root, each.where, "root") for each in self.checkpoints]
        signed_roots += [
            (each.size_to, hash_of(each.value, "rootHash"), f"digest {each.number}", "digest-tree")
            for each in self.digests.values()
        ]
        good = 0
        for size, root, where, check in sorted(signed_roots):
            if size > self.tree.size:
                continue  # the missing entries are told already
            if self.tree.root(size) == root:
                good = size
            else:
                wrong = Wrong(
                    f"the root over {size} entries is not that of {where}, that over {good} was",
                    root.hex(),
                    self.tree.root(size).hex(),
                )
                self.report.tampered(check, wrong)
        inside = max(
            (each.checkpoint for each in self.digests.values() if each.checkpoint),
            key=lambda each: each.size,
            default=None,
        )
        if inside and self.published and self.published.size < inside.size:
            self.report.tampered(
                "rollback",
                Wrong(
                    f"the published checkpoint is older than the one of {inside.where}",
                    inside.size,
                    self.published.size,
                ),
            )

    def _tiles(self) -> None:
        if self.log is None:
            return
        widths: dict[tuple[int, int], int] = {}
        for path, data in self.tile_files.items():
            place = tile_place(path.relative_to(self.log / "tile").as_posix())
            if place is None:
                self.report.notes.append(f"{path} is no tile")
                continue
            widths[place[:2]] = max(place[2], widths.get(place[:2], 0))
            self._tile(path, data, *place)
        size, level = min(self.evidence, self.tree.size), 0
        while size:
            for number in range(-(-size // TILE)):
                if widths.get((level, number), 0) < min(TILE, size - number * TILE):
                    self.report.missing(
                        "tile",
                        f"tile {tile_name(level, number)} of a tree of {self.evidence} is missing",
                    )
            size, level = size // TILE, level + 1

    def _tile(self, path: Path, data: bytes, level: int, number: int, width: int) -> None:
        first = number * TILE
        if len(data) != width * HASH:
            wrong = Wrong(f"{path} has another length", width * HASH, len(data))
            self.report.tampered("tile", wrong)
            return
        hashes = self.tree.levels[8 * level] if 8 * level < len(self.tree.levels) else b""
        for at in range(width):
            theirs, ours = data[at * HASH : at * HASH + HASH], self.tree.at(8 * level, first + at)
            if (first + at) * HASH >= len(hashes):
                if not self.report.exit_status():  # else what is missing is told already
                    what = f"{path} counts entries that are nowhere"
                    self.report.missing("entries", what, self.tree.size)
                return
            if theirs != ours:
                wrong = Wrong(f"{path} holds another hash", theirs.hex(), ours.hex())
                self.report.tampered("tile", wrong, None if level else first + at)
                return

    # Digests against entries

    def _digest_against_entries(self, digest: Digest) -> None:
        heads = object_of(digest.value, "heads")
        # Of two digests with the same end the latter is empty.
        period = self.periods[digest.size_to] if digest.size_from < digest.size_to else Period()
        whole = not period.unread and digest.size_to <= self.tree.size
        try:
            key = text_of(heads, "key")
            expect("the key of the heads", f"heads/{digest.number:08d}.heads", key)
            places = [
                each / key for each in (self.log, self.archive) if each and (each / key).is_file()
            ]
            if not places:
                self.report.missing("heads", f"digest {digest.number}: its {key} is missing")
            for place in places:
                self._heads(place.read_bytes(), heads, period if whole else None)
        except Wrong as wrong:
            self.report.tampered(
                "heads", Wrong(f"digest {digest.number}: {wrong.rule}", wrong.expected, wrong.found)
            )
        if whole and self.options.entity is None:
            self._digest_sums(digest, period)

    def _heads(self, data: bytes, said: Object, period: Period | None) -> None:
        expect("SHA-256 of the heads", said["sha256"], sha256(data).hex())
        lines = data.split(b"\n")
        expect("the end of the last line of the heads", b"", lines.pop())
        expect("lines of the heads", said["count"], len(lines))
        expect(
            "the root over the heads", said["root"], root_of([leaf(line) for line in lines]).hex()
        )
        names = [line.partition(b"\t")[0] for line in lines]
        expect("the order of the heads", sorted(set(names)), names)
        if period is None:
            return
        made = period.lines()
        if self.options.entity is not None:
            lines = [
                line for line in lines if line.partition(b"\t")[0] == self.options.entity.encode()
            ]
        for line in sorted(set(made) ^ set(lines)):
            name = line.partition(b"\t")[0] + b"\t"
            ours = next((each for each in made if each.startswith(name)), None)
            theirs = next((each for each in lines if each.startswith(name)), None)
            raise Wrong(
                "a line of the heads is not what the entries are",
                theirs and theirs.decode(errors="replace"),
                ours and ours.decode(),
            )

    def _digest_sums(self, digest: Digest, period: Period) -> None:
        made = [
            {"id": name, "boot": boot, "firstSeq": part[0], "lastSeq": part[1], "dropped": part[2]}
            for (name, boot), part in sorted(period.producers.items())
        ]
        try:
            expect("producers", made, digest.value["producers"])
            expect("oldestEventTime", period.oldest, digest.value["oldestEventTime"])
            expect("newestEventTime", period.newest, digest.value["newestEventTime"])
        except Wrong as wrong:
            self.report.tampered(
                "digest-producers",
                Wrong(f"digest {digest.number}: {wrong.rule}", wrong.found, wrong.expected),
            )

    # The cold copy

    def _archive(self) -> None:
        named: set[str] = set()
        for number in sorted(self.digests):
            for segment in objects_of(self.digests[number].value, "segments"):
                try:
                    members(segment, "key sha256 bytes firstIndex count root", "a segment")
                    named.add(text_of(segment, "key"))
                    self._segment(number, segment)
                except Wrong as wrong:
                    self.report.tampered(
                        "archive",
                        Wrong(
                            f"segment of digest {number}: {wrong.rule}", wrong.expected, wrong.found
                        ),
                    )
        if self.archive is None:
            if named:
                self.report.notes.append(
                    f"{len(named)} objects of the cold copy were not looked at (--archive)"
                )
            return
        for path in sorted((self.archive / "blocks").rglob("*")):
            key = path.relative_to(self.archive).as_posix()
            if path.is_file() and key not in named:
                self._unnamed(key, path)

    def _segment(self, number: int, segment: Object) -> None:
        key, first, count = (
            text_of(segment, "key"),
            number_of(segment, "firstIndex"),
            number_of(segment, "count", 1),
        )
        expect("the block that the key says", block_of(key), (first, count))
        if first + count <= self.tree.size:
            expect(
                f"{key}: the root over its entries",
                self.tree.root(count, first).hex(),
                segment["root"],
            )
        if self.archive is None:
            return
        try:
            data = (self.archive / key).read_bytes()
        except OSError:
            self.report.missing("archive", f"{key}, named by digest {number}, is missing", first)
            return
        expect(f"{key}: its length", segment["bytes"], len(data))
        expect(f"{key}: its SHA-256", segment["sha256"], sha256(data).hex())
        if key.endswith(".gz"):
            self._bundle(key, data, first, count)

    def _bundle(self, key: str, data: bytes, first: int, count: int) -> None:
        entries = bundle_entries(data)
        expect(f"{key}: how many entries it holds", count, len(entries))
        for at, each in enumerate(entries):
            if first + at < self.tree.size and leaf(each) != self.tree.at(0, first + at):
                raise Wrong(
                    f"{key}: entry {first + at} is not that of the tree",
                    self.tree.at(0, first + at).hex(),
                    leaf(each).hex(),
                )

    def _unnamed(self, key: str, path: Path) -> None:
        try:
            first, count = block_of(key)
            if first + count > self.tree.size:
                raise Wrong("it holds entries that the tree has not")
            if key.endswith(".gz"):
                self._bundle(key, path.read_bytes(), first, count)
        except Wrong as wrong:
            self.report.tampered(
                "unnamed",
                Wrong(f"no digest names {key}: {wrong.rule}", wrong.expected, wrong.found),
            )
        else:
            self.report.notes.append(f"no digest names {key} yet")

    # Receipts

    def _receipt(self, path: Path) -> None:
        """What a producer holds against the log: its entry under a witnessed checkpoint."""
        try:
            head, _, note = path.read_bytes().partition(b"\n\n")
            lines = head.decode().split("\n")
            expect("the first line of a proof", "c2sp.org/tlog-proof@v1", lines[0])
            extra = (
                parse(unbase64(lines[1].removeprefix("extra ")))
                if lines[1:] and lines[1].startswith("extra ")
                else None
            )
            said = lines[2 if extra is not None else 1 :]
            if not said or not said[0].startswith("index ") or not DECIMAL.fullmatch(said[0][6:]):
                raise Wrong("a proof without an index")
            index, proof = int(said[0][6:]), [unbase64(line) for line in said[1:]]
            checkpoint = self.trust.open_checkpoint(note, self.policy, str(path))
            if self.policy and not self.policy.met(checkpoint.cosigned):
                raise Wrong("the checkpoint of the receipt is not witnessed")
            if index >= self.tree.size:
                self.report.missing("receipt", f"{path}: entry {index} is missing", index)
                return
            expect(
                "the root that the proof leads to",
                checkpoint.root.hex(),
                included(self.tree.at(0, index), index, checkpoint.size, proof).hex(),
            )
            if extra is not None:
                members(extra, "boot previousHash producerId seq version", "extra")
        except OSError as error:
            self.report.missing("receipt", f"cannot read: {error}")
        except (Wrong, UnicodeDecodeError) as wrong:
            told = wrong if isinstance(wrong, Wrong) else Wrong("not text")
            self.report.tampered(
                "receipt", Wrong(f"{path}: {told.rule}", told.expected, told.found)
            )

    # Freshness

    def _freshness(self) -> None:
        newest, now = self._newest(), self.options.now
        if newest is None:
            self.report.stale("witness", "there is no checkpoint")
        elif self.policy and not self.policy.met(newest.cosigned):
            names = ", ".join(sorted(key.name for key in newest.cosigned)) or "nobody"
            self.report.stale(
                "witness",
                Wrong("the newest checkpoint is not witnessed", "the policy's quorum", names),
            )
        elif newest.cosigned:
            at = dt.datetime.fromtimestamp(max(newest.cosigned.values()), dt.UTC)
            if now - at > dt.timedelta(seconds=self.trust.period):
                self.report.stale(
                    "witness",
                    Wrong(
                        "the newest cosignature is old",
                        f"within {self.trust.period} s of {written(now)}",
                        written(at),
                    ),
                )
        due = (
            int((now - self.trust.start).total_seconds() - self.trust.period / 4)
            // self.trust.period
        )
        have = max(self.digests, default=0)
        if have < due:
            self.report.stale(
                "digest-due", Wrong("the newest digest is old", f"number {due}", f"number {have}")
            )

    def _facts(self) -> None:
        newest = self._newest()
        if self.producers.dropped:
            self.report.notes.append(
                f"producers declare that they dropped {self.producers.dropped} events"
            )
        if self.trust.roles and isinstance(self.trust.roles, dict):
            holders = list(self.trust.roles.values())
            shared = sorted(
                role for role, who in self.trust.roles.items() if holders.count(who) > 1
            )
            self.report.notes.append(
                f"roles held by one principal with another: {', '.join(shared)} (self-attested)"
                if shared
                else "all roles are separate"
            )
        self.report.facts = {
            "origin": self.trust.origin,
            "pin": self.trust.pin,
            "size": newest.size if newest else 0,
            "entries": self.entries,
            "entities": len(self.chains.heads),
            "digests": len(self.digests),
            "unreadable": self.from_tiles,
        }
        if self.options.entity is not None:
            version, head = self.chains.heads.get(self.options.entity, (0, ""))
            self.report.facts |= {"entity": self.options.entity, "version": version, "head": head}


@dataclass(frozen=True)
class Unread:
    """An entry of which only the hash is there."""

    leaf_hash: bytes


def bundle_entries(data: bytes) -> list[bytes]:
    """The entries of an ``entries.bundles.gz``: one gzip member, a u16 big-endian before each."""
    member = zlib.decompressobj(wbits=31)
    try:
        plain = member.decompress(data, BLOCK * (ENTRY_BYTES_MAX + 2))
    except zlib.error as error:
        raise Wrong("a bundle that is no gzip member", found=str(error)) from None
    if not member.eof or member.unused_data:
        raise Wrong(
            "a bundle that is not exactly one gzip member",
            "no more bytes",
            f"{len(member.unused_data)} more" if member.eof else "cut",
        )
    entries, at = [], 0
    while at < len(plain):
        end = at + 2 + int.from_bytes(plain[at : at + 2], "big")
        if end > len(plain) or at + 2 > len(plain):
            raise Wrong("a bundle that ends inside an entry")
        entries.append(plain[at + 2 : end])
        at = end
    return entries


def block_of(key: str) -> tuple[int, int]:
    """First index and count of an object of the cold copy, by its key."""
    matched = re.fullmatch(
        r"blocks/(\d{6,})(?:\.p/([1-9]\d{0,4}))?/entries\.(?:bundles\.gz|parquet)", key, re.ASCII
    )
    if not matched:
        raise Wrong("a key that no block has", found=key)
    return int(matched[1]) * BLOCK, int(matched[2] or BLOCK)


def printed(report: Report) -> Iterator[str]:
    for name, value in report.facts.items():
        yield f"{name}: {value}"
    for note in report.notes:
        yield f"note: {note}"
    for verdict in ("integrity", "completeness", "freshness"):
        count = sum(each.verdict == verdict for each in report.findings)
        yield f"{verdict}: {f'FAILS ({count})' if count else 'ok'}"
    first = report.first()
    for each in (
        [first, *(each for each in report.findings[:20] if each is not first)] if first else []
    ):
        where = "" if each.index is None else f" entry {each.index}"
        whose = "" if each.entity is None else f" ({each.entity} version {each.version})"
        difference = (
            ""
            if each.expected is None and each.found is None
            else f"; expected {each.expected}, found {each.found}"
        )
        start = "first: " if each is first else "  "
        yield f"{start}{each.check}{where}{whose}: {each.what}{difference}"


def moment(text: str) -> dt.datetime:
    """A time in ISO 8601 with its zone, or seconds since 1970."""
    if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
        return dt.datetime.fromtimestamp(float(text), dt.UTC)
    made = dt.datetime.fromisoformat(text)
    return made if made.tzinfo else made.replace(tzinfo=dt.UTC)


class Arguments(argparse.ArgumentParser):
    """Wrong use ends with 64, since 2 says that a log is incomplete."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(64, f"{self.prog}: {message}\n")


def main(arguments: list[str] | None = None) -> int:
    parser = Arguments(
        prog="audit_verify.py",
        description="Verify an audit log. Exit status: 0 whole, 1 tampered, 2 incomplete, 3 stale.",
    )
    parser.add_argument("folder", type=Path, help="<data>/audit, or a cold copy")
    parser.add_argument("--archive", type=Path, help="the cold copy, as a folder")
    parser.add_argument(
        "--trust",
        type=Path,
        help="a folder with trust.json and policy that somebody else gave (default: FOLDER/trust)",
    )
    parser.add_argument(
        "--pin", help="SHA-256 of trust.json in hex, from somebody else than the log"
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        action="append",
        default=[],
        help="a further checkpoint, such as a witness's",
    )
    parser.add_argument(
        "--receipt",
        type=Path,
        action="append",
        default=[],
        help="a receipt (tlog-proof) that a producer holds",
    )
    scope = parser.add_mutually_exclusive_group()
    scope.add_argument("--all", action="store_true", help="verify everything (default)")
    scope.add_argument(
        "--entity", help="verify the history of one entity, under the roots of all entries"
    )
    parser.add_argument(
        "--now", type=moment, help="judge freshness at this time (default: the clock's)"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    asked = parser.parse_args(arguments)
    now = asked.now or dt.datetime.fromtimestamp(time.time(), dt.UTC)
    if not asked.folder.is_dir():
        parser.error(f"no folder {asked.folder}")
    options = Options(
        asked.folder,
        asked.archive,
        asked.trust,
        asked.pin,
        asked.checkpoint,
        asked.receipt,
        asked.entity,
        now,
    )
    report = Verification(options).run()
    if asked.json:
        first = report.first()
        verdicts = {
            name: not any(each.verdict == name for each in report.findings)
            for name in ("integrity", "completeness", "freshness")
        }
        value = {
            "exit": report.exit_status(),
            "verdicts": verdicts,
            "first": asdict(first) if first else None,
        }
        value |= {
            "findings": [asdict(each) for each in report.findings],
            "more": report.more,
            "notes": report.notes,
            "log": report.facts,
        }
        print(json.dumps(value, indent=1, ensure_ascii=False))
    else:
        for line in printed(report):
            print(line)
    return report.exit_status()


if __name__ == "__main__":
    sys.exit(main())
