"""A fork: where a log cannot go on, a new one begins that says which it follows, and why.

Nothing of the old log is repaired: all of it moves to ``forked/<its pin>``, the old keys of log and
digests with it. The new one has another origin and new keys for these; producers and witnesses keep
theirs. Its second entry is ``ForkDeclared``, which names how far each boot had come in the old one,
so that what producers still hold goes on from there.

What will be is on disk first, in ``forking``; a fork that a crash has cut in two is finished by
asking for it again.
"""

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec

from trading_runtime.audit.keys import DIGEST, LOG, keep_key, key_path
from trading_runtime.audit.sequencer import intake
from trading_runtime.audit.sequencer.believed import believed
from trading_runtime.audit.sequencer.checkpoints import SIGNED, Believed
from trading_runtime.audit.sequencer.memory import Carried, Memory, sealed_of
from trading_runtime.errors import Fault, Misread, Refused
from trading_runtime.evidence import canonical, layout, submission, trust
from trading_runtime.evidence.canonical import JsonObject
from trading_runtime.evidence.frames import FrameReader
from trading_runtime.evidence.notes import SigningKey
from trading_runtime.evidence.trust import DigestKey, LogKey, Trust, open_checkpoint
from trading_runtime.journal.durable import make_folder, sync_folder, write_file
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

NEXT = "forking"
DECLARED = "fork.json"
BOOTS_MAX = 200
"""Boots that are carried over, the newest of them: an entry holds no more."""
MOVED = (
    *("log", "trust", "sequencer", "rejected", "receipts", "cold", "watch"),
    *("index.sqlite", "index.sqlite-wal", "index.sqlite-shm"),
)


class Asked(NamedTuple):
    """What whoever declares a fork says."""

    origin: str
    """Of the new log; no log had it before."""
    reason: str
    declared_by: str


def fork(audit: Path, asked: Asked, now: Nanos) -> str:
    """Put a new log in the place of the one below ``audit``, and give its pin.

    The caller holds the log's lock. Raises :exc:`Refused` where the old one cannot even be read as
    far as its trust, or the new one cannot be named so.
    """
    following = audit / NEXT
    if not (following / "sequencer" / DECLARED).exists():
        _prepare(audit, following, asked, now)
    old = audit / "forked" / _old_pin(following)
    make_folder(old)
    for name in MOVED:
        # Where the new trust is in its place, the old one has been moved before.
        if (audit / name).exists() and not (name == "trust" and (old / name).exists()):
            (audit / name).rename(old / name)
    sync_folder(old)
    _move_keys(audit, following, old)
    for name in ("trust", "sequencer"):
        if (following / name).exists():
            (following / name).rename(audit / name)
    sync_folder(audit)
    for folder in (following / "keys", following):
        if folder.exists():
            folder.rmdir()
    return trust.pin(layout.trust_path(audit).read_bytes())


def _old_pin(following: Path) -> str:
    told = canonical.decode((following / "sequencer" / DECLARED).read_bytes())
    return str(told["previousPin"])


def _move_keys(audit: Path, following: Path, old: Path) -> None:
    for name in (LOG, DIGEST):
        new, place, kept = (key_path(folder, name) for folder in (following, audit, old))
        if new.exists():
            make_folder(kept.parent)
            if not kept.exists():
                place.rename(kept)
            new.rename(place)
            sync_folder(kept.parent)
            sync_folder(place.parent)


def _prepare(audit: Path, following: Path, asked: Asked, now: Nanos) -> None:
    trusted, pin = believed(audit)
    before = trusted.trust
    if asked.origin == before.origin:
        raise Refused(f"a fork of {before.origin} needs an origin of its own: name another one")
    try:
        keys = {
            LOG: SigningKey.generate(asked.origin),
            DIGEST: SigningKey.generate(f"{asked.origin}/digest"),
        }
    except Misread as error:
        raise Refused(f"{asked.origin!r} cannot name a log: {error}") from error
    rules = _policy(layout.policy_path(audit).read_bytes(), keys[LOG])
    for name, key in keys.items():
        path = key_path(following, name)
        path.unlink(missing_ok=True)
        keep_key(path, key)
    make_folder(following / "trust")
    write_file(following / "trust" / "policy", rules)
    content = trust.write(_trust(before, asked.origin, keys, rules, now))
    write_file(following / "trust" / "trust.json", content)
    make_folder(following / "sequencer")
    told = canonical.encode(_told(audit, trusted, pin, asked))
    write_file(following / "sequencer" / DECLARED, told)


def _policy(rules: bytes, key: SigningKey) -> bytes:
    """Give the policy with another log in it."""
    lines = [line for line in rules.splitlines() if line.split()[:1] != [b"log"]]
    return b"\n".join([f"log {key.vkey}".encode(), *lines, b""])


def _trust(
    before: Trust, origin: str, keys: dict[str, SigningKey], rules: bytes, now: Nanos
) -> Trust:
    period_ns = before.digest_period_seconds * NANOS_PER_SECOND
    return msgspec.structs.replace(
        before,
        origin=origin,
        policy_sha256=sha256(rules).hexdigest(),
        log_keys=(LogKey(vkey=str(keys[LOG].vkey), from_size=0, to_size=None),),
        digest_keys=(DigestKey(vkey=str(keys[DIGEST].vkey), from_digest=1, to_digest=None),),
        first_period_start=submission.event_time(now - now % period_ns),
    )


def _told(audit: Path, trusted: Believed, pin: str, asked: Asked) -> JsonObject:
    memory = _remembered(audit, trusted.trust.origin)
    boots = [key for key in memory.chains if key[0] != intake.LOG and key in memory.lasts]
    boots.sort(key=lambda key: memory.lasts[key].index)
    return {
        "checkpoint": _newest(audit, trusted),
        "declaredBy": asked.declared_by,
        "previousOrigin": trusted.trust.origin,
        "previousPin": pin,
        "previousSize": memory.tree.size,
        "producers": [
            {
                "boot": key[1],
                "chain": memory.chains[key].value.hex(),
                "id": key[0],
                "seq": memory.chains[key].seq,
            }
            for key in sorted(boots[-BOOTS_MAX:])
        ],
        "reason": asked.reason,
    }


def _remembered(audit: Path, origin: str) -> Memory:
    """Read the frames as far as they go."""
    memory = Memory(origin)
    try:
        reader = FrameReader(layout.log_folder(audit), origin)
        for index, data in enumerate(reader.entries(0, reader.size)):
            memory.take([sealed_of(index, data)])
    except (Fault, OSError):
        # Behind the damage nothing can be told: producers send it again, or say what is missing.
        return memory
    return memory


def _newest(audit: Path, trusted: Believed) -> str | None:
    """Give the newest checkpoint that there is, published or at least signed."""
    found = []
    for path in (
        layout.checkpoint_path(layout.log_folder(audit)),
        audit / "sequencer" / SIGNED,
    ):
        try:
            note = path.read_bytes()
            found.append((open_checkpoint(note, *trusted).checkpoint.size, note.decode()))
        except (OSError, Misread):
            continue
    return max(found)[1] if found else None


def declared(audit: Path, memory: Memory) -> JsonObject | None:
    """Give what a log without entries has to say about the one that it follows.

    ``memory`` then knows how far its producers had come, for the streams begin behind that.
    """
    path = audit / "sequencer" / DECLARED
    if memory.tree.size or not path.exists():
        return None
    try:
        told = canonical.decode(path.read_bytes())
        memory.carry(msgspec.convert(told["producers"], tuple[Carried, ...]))
    except (Misread, KeyError, ValueError) as error:
        raise Refused(f"{path} is damaged ({error}): put back what it was") from error
    return told
