"""Who is believed: ``trust.json``, its pin, and the checkpoints that it and the policy accept."""

from datetime import datetime
from hashlib import sha256

import msgspec
from msgspec import Struct

from trading_runtime.errors import Misread
from trading_runtime.evidence import canonical, checkpoint, notes
from trading_runtime.evidence.checkpoint import Checkpoint
from trading_runtime.evidence.notes import Kind, Note, Vkey
from trading_runtime.evidence.policy import Policy

VERSION = 1


class _Part(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What the parts of ``trust.json`` have in common: camel case, and no member unknown."""


class LogKey(_Part, frozen=True, kw_only=True):
    """A key for checkpoints of ``from_size`` ≤ size ≤ ``to_size``; null: still in use."""

    vkey: str
    from_size: int
    to_size: int | None


class DigestKey(_Part, frozen=True, kw_only=True):
    """A key for the digests numbered ``from_digest`` to ``to_digest``, both included."""

    vkey: str
    from_digest: int
    to_digest: int | None


class ProducerKey(_Part, frozen=True, kw_only=True):
    """A key for the boots of a producer that sort not before ``from_boot``."""

    producer_id: str
    vkey: str
    from_boot: str


class Roles(_Part, frozen=True, kw_only=True):
    """Which principal holds each role; equal names are not separate."""

    producer: str
    log: str
    witness: str
    archive: str
    watch: str


class Trust(_Part, frozen=True, kw_only=True):
    """What ``trust.json`` says. Its pin is over its bytes: see :func:`pin`."""

    v: int
    origin: str
    policy_sha256: str
    log_keys: tuple[LogKey, ...]
    digest_keys: tuple[DigestKey, ...]
    producer_keys: tuple[ProducerKey, ...]
    digest_period_seconds: int
    first_period_start: str
    roles: Roles

    def log_vkeys(self, size: int) -> tuple[Vkey, ...]:
        """Give the keys that sign checkpoints of ``size``."""
        return tuple(
            Vkey.parse(key.vkey)
            for key in self.log_keys
            if key.from_size <= size and (key.to_size is None or size <= key.to_size)
        )

    def digest_vkeys(self, number: int) -> tuple[Vkey, ...]:
        """Give the keys that sign digest ``number``."""
        return tuple(
            Vkey.parse(key.vkey)
            for key in self.digest_keys
            if key.from_digest <= number and (key.to_digest is None or number <= key.to_digest)
        )

    def producer_vkey(self, producer_id: str, boot: str) -> Vkey | None:
        """Give the key that judges a boot: of the greatest ``fromBoot`` not after it."""
        found = [
            key
            for key in self.producer_keys
            if key.producer_id == producer_id and key.from_boot <= boot
        ]
        if not found:
            return None
        return Vkey.parse(max(found, key=lambda key: key.from_boot).vkey)


_TRUST = msgspec.json.Decoder(Trust)


def pin(data: bytes) -> str:
    """Give the pin of a log: SHA-256 of the bytes of its ``trust.json``, in hex."""
    return sha256(data).hexdigest()


def read(data: bytes) -> Trust:
    """Read ``trust.json``; raise :exc:`Misread` (``trust``, ``vkey``, or not canonical)."""
    canonical.decode(data)
    try:
        trust = _TRUST.decode(data)
    except msgspec.ValidationError as fault:
        raise Misread("trust", str(fault)) from None
    if trust.v != VERSION:
        raise Misread("trust", f"version {trust.v}")
    checkpoint.check_origin(trust.origin)
    if trust.digest_period_seconds < 1:
        raise Misread("trust", f"periods of {trust.digest_period_seconds} s")
    period_start_s(trust)
    vkeys = [key.vkey for key in trust.log_keys]
    vkeys += [key.vkey for key in trust.digest_keys]
    vkeys += [key.vkey for key in trust.producer_keys]
    for text in vkeys:
        if Vkey.parse(text).kind is not Kind.ED25519:
            raise Misread("trust", f"{text} is a witness's key")
    boots = [(key.producer_id, key.from_boot) for key in trust.producer_keys]
    if len(set(boots)) < len(boots):
        raise Misread("trust", "a producer has two keys from the same boot")
    return trust


def write(trust: Trust) -> bytes:
    """Give the bytes of ``trust.json``."""
    return canonical.of_struct(trust)


def period_start_s(trust: Trust) -> int:
    """Give the start of the first digest's period, in seconds since 1970."""
    text = trust.first_period_start
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        raise Misread("trust", f"{text!r} is no time") from None
    if len(text) != len("YYYY-MM-DDThh:mm:ss.ffffffZ") or not text.endswith("00Z"):
        raise Misread("trust", f"{text!r} is no time of a period")
    return int(start.timestamp())


def check_policy(trust: Trust, policy: bytes) -> None:
    """Raise :exc:`Misread` (``policy``) unless it is the policy that ``trust`` names."""
    found = sha256(policy).hexdigest()
    if found != trust.policy_sha256:
        raise Misread("policy", f"its hash is {found}, and trust.json names {trust.policy_sha256}")


class Accepted(Struct, frozen=True):
    """A checkpoint that a log's key signed, and the witnesses that cosigned it.

    ``times`` are seconds since 1970, by witness; ``quorum`` tells whether they are enough.
    """

    checkpoint: Checkpoint
    note: Note
    times: dict[Vkey, int]
    quorum: bool


def open_checkpoint(data: bytes, trust: Trust, policy: Policy) -> Accepted:
    """Read a checkpoint's note, believing the keys of ``trust`` and the witnesses of ``policy``.

    A quorum that is not met is no error here; it is told. Raises :exc:`Misread` with the reason
    ``origin`` (another log's), ``log_key`` (no key for this size signed it), ``signature``,
    ``unsigned``, ``note``, ``checkpoint`` or ``base64``.
    """
    logs = {Vkey.parse(key.vkey) for key in trust.log_keys}
    note = notes.open_note(data, (*logs, *policy.keys()))
    found = checkpoint.parse_text(note.text)
    if found.origin != trust.origin:
        raise Misread("origin", f"a checkpoint of {found.origin!r}, not of {trust.origin!r}")
    if not set(trust.log_vkeys(found.size)).intersection(note.by):
        raise Misread("log_key", f"no log key for size {found.size} has signed it")
    times: dict[Vkey, int] = {}
    for key, signature in zip(note.by, note.signatures, strict=True):
        if key.kind is Kind.COSIGNATURE:
            times[key] = max(signature.time, times.get(key, 0))
    return Accepted(found, note, times, policy.met(times))
