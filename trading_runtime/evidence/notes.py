"""Signed notes (C2SP signed-note) and the two kinds of Ed25519 keys that sign them.

Rules:
 * A note is UTF-8 text, an empty line, and 1 to 100 signature lines; no control character but the
   line's end stands in it.
 * A signature of a key that we do not know, by name and id together, is ignored.
 * A signature of a key that we know has to be right, or the whole note is refused, whatever good
   ones stand beside it.
 * A note that no known key signed is refused.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from enum import IntEnum
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from trading_runtime.errors import Misread

SIGNATURES_MAX = 100
NOTE_BYTES_MAX = 1_000_000
"""Of a note with all its signatures; ours have some hundred bytes, a digest some thousand."""
KEY_BYTES = 32
SIGNATURE_BYTES = 64
COSIGNATURE_BYTES = 8 + SIGNATURE_BYTES
ID_BYTES = 4
TIME_MAX = 2**63 - 1

_BREAK = "\n\n"
_DASH = "\N{EM DASH} "
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")
_KEY_NAME = re.compile(r"[^\s+]+")
_KEY_ID = re.compile("[0-9a-f]{8}")


class Kind(IntEnum):
    """What a key signs: the text itself, or a checkpoint together with a time."""

    ED25519 = 0x01
    COSIGNATURE = 0x04


KINDS = frozenset(kind.value for kind in Kind)


def decode_base64(text: str) -> bytes:
    """Read standard base64 with its padding, in the one way in which it is written."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Misread("base64", f"{text[:80]!r}") from None
    if base64.b64encode(data).decode() != text:
        raise Misread("base64", f"{text[:80]!r} is another way to write the same bytes")
    return data


def encode_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Vkey(Struct, frozen=True):
    """A public key under a name: ``<name>+<id in hex>+<base64 of kind and key>``."""

    name: str
    kind: Kind
    key: bytes

    @classmethod
    def parse(cls, text: str) -> "Vkey":
        """Read a vkey; raise :exc:`Misread` (``vkey``) where it is none of ours."""
        parts = text.split("+", 2)
        if len(parts) != 3 or not _KEY_NAME.fullmatch(parts[0]) or not _KEY_ID.fullmatch(parts[1]):  # noqa: PLR2004 -- name, id, key
            raise Misread("vkey", f"{text[:200]!r} is not name+id+key")
        material = decode_base64(parts[2])
        if len(material) != 1 + KEY_BYTES or material[0] not in KINDS:
            raise Misread("vkey", f"{text[:200]!r} holds no Ed25519 key")
        vkey = cls(parts[0], Kind(material[0]), material[1:])
        if vkey.key_id.hex() != parts[1]:
            raise Misread("vkey", f"{text[:200]!r} has another key's id")
        return vkey

    def __str__(self) -> str:
        material = encode_base64(bytes([self.kind]) + self.key)
        return f"{self.name}+{self.key_id.hex()}+{material}"

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, self.kind, self.key)

    def verifies(self, signature: bytes, text: bytes) -> bool:
        """Tell whether the 64 bytes are this key's Ed25519 signature over ``text`` as it is."""
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


def key_id(name: str, kind: int, key: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + bytes([kind]) + key).digest()[:ID_BYTES]


class SigningKey:
    """A private key under a name.

    Its text is ``PRIVATE+KEY+<name>+<id>+<base64 of kind and seed>``.
    """

    __slots__ = ("_private", "_seed", "vkey")

    def __init__(self, name: str, kind: Kind, seed: bytes) -> None:
        """Take the key of a 32-byte ``seed``; raise :exc:`Misread` (``key``) for no such."""
        if not _KEY_NAME.fullmatch(name) or _CONTROL.search(name) or len(seed) != KEY_BYTES:
            raise Misread("key", f"{name!r} with {len(seed)} bytes is no key")
        self._seed = seed
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.vkey = Vkey(name, kind, self._private.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, name: str, kind: Kind = Kind.ED25519) -> "SigningKey":
        return cls(name, kind, Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """Read a key file's text; raise :exc:`Misread` (``key``), never with the text in it."""
        parts = text.rstrip("\n").split("+", 4)
        if len(parts) != 5 or parts[:2] != ["PRIVATE", "KEY"]:  # noqa: PLR2004 -- the five parts above
            raise Misread("key", "the text is not PRIVATE+KEY+name+id+key")
        try:
            material = base64.b64decode(parts[4], validate=True)
        except binascii.Error:
            raise Misread("key", "the key is not base64") from None
        if len(material) != 1 + KEY_BYTES or material[0] not in KINDS:
            raise Misread("key", "the text holds no Ed25519 key")
        key = cls(parts[2], Kind(material[0]), material[1:])
        if key.vkey.key_id.hex() != parts[3]:
            raise Misread("key", "the id is that of another key")
        return key

    def text(self) -> str:
        """Give what a key file holds: the private key, with a line's end."""
        vkey = self.vkey
        material = encode_base64(bytes([vkey.kind]) + self._seed)
        return f"PRIVATE+KEY+{vkey.name}+{vkey.key_id.hex()}+{material}\n"

    def sign(self, text: bytes) -> bytes:
        """Give the 64 bytes of the Ed25519 signature over ``text`` as it is."""
        return self._private.sign(text)


class Signature(Struct, frozen=True):
    """One signature line. ``data`` is what stands behind the key id."""

    name: str
    key_id: bytes
    data: bytes

    def line(self) -> str:
        return f"{_DASH}{self.name} {encode_base64(self.key_id + self.data)}\n"

    @property
    def time(self) -> int:
        """Of a cosignature: seconds since 1970 at which the witness saw the checkpoint."""
        return int.from_bytes(self.data[:-SIGNATURE_BYTES], "big")


class Note(Struct, frozen=True):
    """A text, with its last line's end, and the signatures that known keys really made.

    ``by`` are these keys, place by place those of ``signatures``.
    """

    text: str
    signatures: tuple[Signature, ...]
    by: tuple[Vkey, ...]


def split(data: bytes) -> tuple[str, tuple[Signature, ...]]:
    """Take a note apart without believing it: its text and all signatures, none of them checked.

    Raises :exc:`Misread` (``note``, ``base64``) where it is no note.
    """
    if len(data) > NOTE_BYTES_MAX:
        raise Misread("note", f"{len(data)} bytes")
    try:
        whole = data.decode()
    except UnicodeDecodeError as fault:
        raise Misread("note", str(fault)) from None
    if _CONTROL.search(whole):
        raise Misread("note", "a control character")
    text, blank, lines = whole.rpartition(_BREAK)
    if not blank or not lines.endswith("\n"):
        raise Misread("note", "no signatures behind an empty line")
    found = lines[:-1].split("\n")
    if len(found) > SIGNATURES_MAX:
        raise Misread("note", f"{len(found)} signatures")
    return text + "\n", tuple(map(_signature, found))


def _signature(line: str) -> Signature:
    name, space, coded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not _KEY_NAME.fullmatch(name):
        raise Misread("note", f"{line[:120]!r} is no signature line")
    data = decode_base64(coded)
    if len(data) <= ID_BYTES:
        raise Misread("note", f"a signature of {len(data)} bytes")
    return Signature(name, data[:ID_BYTES], data[ID_BYTES:])


def parse_signatures(data: bytes) -> tuple[Signature, ...]:
    """Read bare signature lines, as a witness answers with; none of them is checked."""
    text, signatures = split(b"-\n\n" + data)
    if text != "-\n":
        raise Misread("note", "more than signature lines")
    return signatures


def open_note(data: bytes, keys: Iterable[Vkey]) -> Note:
    """Read a note, believing ``keys`` and nobody else; the rules stand above.

    Raises :exc:`Misread` with the reason ``note``, ``base64``, ``signature`` (of a known key, and
    wrong) or ``unsigned`` (by any of ``keys``).
    """
    known = {(key.name, key.key_id): key for key in keys}
    text, signatures = split(data)
    good = []
    by = []
    for signature in signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        check_signature(text, signature, key)
        good.append(signature)
        by.append(key)
    if not good:
        raise Misread("unsigned", "no known key has signed the note")
    return Note(text, tuple(good), tuple(by))


def check_signature(text: str, signature: Signature, key: Vkey) -> None:
    """Raise :exc:`Misread` (``signature``) unless ``key`` made it over ``text``, by its kind."""
    signed = text.encode()
    length = SIGNATURE_BYTES
    if key.kind is Kind.COSIGNATURE:
        signed = cosigned(text, signature.time)
        length = COSIGNATURE_BYTES
    if (
        len(signature.data) != length
        or signature.time > TIME_MAX
        or not key.verifies(signature.data[-SIGNATURE_BYTES:], signed)
    ):
        raise Misread("signature", f"that of {signature.name} is wrong")


def cosigned(text: str, time_s: int) -> bytes:
    """Give what a cosignature is over (C2SP tlog-cosignature, Ed25519)."""
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def signature_of(text: str, key: SigningKey) -> Signature:
    """Sign a note's text, which ends with a line's end, by a key that signs without a time."""
    if key.vkey.kind is not Kind.ED25519:
        raise Misread("key", f"{key.vkey.name} signs checkpoints together with a time")
    return Signature(key.vkey.name, key.vkey.key_id, key.sign(text.encode()))


def cosignature_of(text: str, key: SigningKey, time_s: int) -> Signature:
    """Cosign a checkpoint's text at ``time_s`` seconds since 1970, by a witness's key."""
    if key.vkey.kind is not Kind.COSIGNATURE:
        raise Misread("key", f"{key.vkey.name} signs without a time")
    made = key.sign(cosigned(text, time_s))
    return Signature(key.vkey.name, key.vkey.key_id, time_s.to_bytes(8, "big") + made)


def join(text: str, signatures: Sequence[Signature]) -> bytes:
    """Give the bytes of a note."""
    return (text + "\n" + "".join(signature.line() for signature in signatures)).encode()


def sign_note(text: str, *keys: SigningKey) -> bytes:
    """Give the note of ``text``, signed by each of ``keys``."""
    return join(text, [signature_of(text, key) for key in keys])
