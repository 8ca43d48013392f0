"""The beginning of a log: its keys, its policy, and ``trust.json`` that names them.

Private keys are files of mode 0600 below ``<data>/audit/keys``, of which each process is given its
own; where roles are to be separate, the others are moved to their principals' machines and removed
here. ``trust.json`` is written last: where it stands, the log was begun.
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from stat import S_IRWXG, S_IRWXO

import msgspec

from trading_runtime.errors import Misread, Refused
from trading_runtime.evidence import checkpoint, policy, submission, trust
from trading_runtime.evidence.notes import Kind, SigningKey, Vkey
from trading_runtime.evidence.trust import DigestKey, LogKey, ProducerKey, Roles, Trust
from trading_runtime.journal.durable import create_secret, make_folder, write_file
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

LOG = "log"
DIGEST = "digest"
WITNESS = "witness"
OWN_WITNESS = "own"
"""In the policy: the witness whose key was made here, where no other was named."""
_PRODUCER = re.compile(r"[a-z][a-z0-9_-]{0,62}")


class Charter(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever begins a log decides."""

    origin: str
    """Its name in the world, as ``desk.example/tapedeck``: without spaces and plus signs."""
    roles: Roles
    """Which principal, by the name of its user, holds each role."""
    producers: tuple[str, ...]
    """Who submits to it, the log itself left out."""
    witnesses: tuple[tuple[str, Vkey, str], ...] = ()
    """Name, key and URL of each. Empty: a key is made for one here."""
    quorum: int | None = None
    """How many of the witnesses suffice; None: all of them."""
    period_s: int = 3600


def key_path(audit: Path, name: str) -> Path:
    """Give the file of a private key: ``log``, ``digest``, ``witness`` or :func:`producer_name`."""
    return audit / "keys" / f"{name}.key"


def producer_name(producer_id: str) -> str:
    return f"producer-{producer_id}"


def read_key(path: Path) -> SigningKey:
    """Read a private key; raise :exc:`Refused` where there is none, or others may read it."""
    try:
        mode = path.stat().st_mode
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"the key {path} cannot be read: {error}") from None
    if mode & (S_IRWXG | S_IRWXO):
        raise Refused(f"the key {path} may be used by others: chmod 600 {path}")
    try:
        return SigningKey.parse(text)
    except Misread as error:
        raise Refused(f"the key {path} is none: {error}") from None


def keep_key(path: Path, key: SigningKey) -> None:
    """Write a new private key, for its owner's eyes; :exc:`FileExistsError` where one stands."""
    make_folder(path.parent)
    create_secret(path, key.text().encode())


def init(audit: Path, charter: Charter, now: Nanos) -> str:
    """Begin a log in the folder ``audit`` at ``now``, and give its pin.

    Raises :exc:`Refused` where one was begun, or the charter cannot be kept.
    """
    folder = audit / "trust"
    if (folder / "trust.json").exists():
        raise Refused(
            f"{folder / 'trust.json'} is there: this log was begun, and has one beginning"
        )
    _check(charter)
    made = {name: _own_key(audit, name, key) for name, key in _names(charter).items()}
    text = _policy(charter, made)
    content = trust.write(_trust(charter, made, text, now))
    make_folder(folder)
    write_file(folder / "policy", text)
    write_file(folder / "trust.json", content)
    return trust.pin(content)


def _check(charter: Charter) -> None:
    try:
        checkpoint.check_origin(charter.origin)
        SigningKey.generate(charter.origin)
    except Misread as error:
        raise Refused(f"{charter.origin!r} cannot name a log: {error}") from None
    for producer in charter.producers:
        if not _PRODUCER.fullmatch(producer) or producer == LOG:
            raise Refused(f"{producer!r} cannot name a producer: a-z, 0-9, - and _, and not 'log'")
    if charter.period_s < 1:
        raise Refused("a period of digests lasts a second at least")


def _names(charter: Charter) -> dict[str, tuple[str, Kind]]:
    """Give the keys that are made here: the name of the file, then name and kind of the key."""
    origin = charter.origin
    names = {LOG: (origin, Kind.ED25519), DIGEST: (f"{origin}/digest", Kind.ED25519)}
    if not charter.witnesses:
        names[WITNESS] = (f"{origin}/witness", Kind.COSIGNATURE)
    for producer in (LOG, *charter.producers):
        names[producer_name(producer)] = (f"{origin}/producer/{producer}", Kind.ED25519)
    return names


def _own_key(audit: Path, name: str, key: tuple[str, Kind]) -> Vkey:
    """Make a key, or take the one that an interrupted beginning has left."""
    path = key_path(audit, name)
    if not path.exists():
        keep_key(path, SigningKey.generate(*key))
    vkey = read_key(path).vkey
    if (vkey.name, vkey.kind) != key:
        raise Refused(f"{path} holds the key {vkey.name}, not one of {key[0]}: move it away")
    return vkey


def _policy(charter: Charter, made: dict[str, Vkey]) -> bytes:
    witnesses: Sequence[tuple[str, Vkey, str]] = charter.witnesses
    if not witnesses:
        witnesses = [(OWN_WITNESS, made[WITNESS], "")]
    lines = [f"log {made[LOG]}"]
    lines += [f"witness {name} {vkey} {url}".rstrip() for name, vkey, url in witnesses]
    if len(witnesses) > 1:
        needed = charter.quorum or len(witnesses)
        lines.append(f"group witnesses {needed} " + " ".join(name for name, _, _ in witnesses))
        lines.append("quorum witnesses")
    else:
        lines.append(f"quorum {witnesses[0][0]}")
    text = "".join(f"{line}\n" for line in lines).encode()
    try:
        policy.parse(text)
    except Misread as error:
        raise Refused(f"the witnesses make no policy: {error}") from None
    return text


def _trust(charter: Charter, made: dict[str, Vkey], text: bytes, now: Nanos) -> Trust:
    period_ns = charter.period_s * NANOS_PER_SECOND
    producers = [
        ProducerKey(producer_id=producer, vkey=str(made[producer_name(producer)]), from_boot="")
        for producer in (LOG, *charter.producers)
    ]
    return Trust(
        v=trust.VERSION,
        origin=charter.origin,
        policy_sha256=sha256(text).hexdigest(),
        log_keys=(LogKey(vkey=str(made[LOG]), from_size=0, to_size=None),),
        digest_keys=(DigestKey(vkey=str(made[DIGEST]), from_digest=1, to_digest=None),),
        producer_keys=tuple(producers),
        digest_period_seconds=charter.period_s,
        first_period_start=submission.event_time(now - now % period_ns),
        roles=charter.roles,
    )
