"""New keys in place of old ones: a new ``trust.json``, in which the old ones end.

Rules:
 * A key of the log, of digests or of a producer ends where the new one begins: at a size, a digest,
   a boot. What it signed before stays believed, and it can sign nothing new.
 * Whoever rotates has stopped the audit service, so that nothing is signed in between; it declares
   the new pin (``TrustDeclared``) when it starts.
 * Policy, ``trust.json`` and private key change together: what they will be is on disk first
   (``trust/next.json``), and a rotation that a crash cut in two is finished by :func:`settle`.
 * The old private key is overwritten: a key that is not there is not stolen.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec

from trading_runtime.audit.keys import (
    DIGEST,
    LOG,
    WITNESS,
    keep_key,
    key_path,
    producer_name,
    read_key,
)
from trading_runtime.audit.streams import tail
from trading_runtime.clock import compact_text
from trading_runtime.errors import Misread, Refused
from trading_runtime.evidence import entry, layout, policy, trust
from trading_runtime.evidence.frames import FrameReader
from trading_runtime.evidence.notes import SigningKey, Vkey
from trading_runtime.evidence.trust import DigestKey, LogKey, ProducerKey, Trust
from trading_runtime.journal.alone import alone
from trading_runtime.journal.durable import make_folder, remove, sync_folder, write_file
from trading_runtime.records.units import Nanos

LOCK = "sequencer.lock"
"""Below the folder of the log: held by the audit service while it runs, and by a rotation."""
NEXT = "next.json"
NEW_SUFFIX = ".new"
BLOCKS_READ = 2
"""How far back a boot is looked for whose name lies in the future: a clock was set back since."""


class Next(msgspec.Struct, frozen=True, kw_only=True):
    """What is being changed to; ``key`` names the private key that is replaced, or is empty."""

    policy: bytes
    trust: bytes
    key: str


class Rotated(NamedTuple):
    """The new pin, which is to be given to whoever verifies, and the new key."""

    pin: str
    vkey: Vkey


class Ground(NamedTuple):
    audit: Path
    trust: Trust
    policy: bytes

    def change(self, changed: Trust, rules: bytes, key: str) -> str:
        """Put it all in place, and give the new pin; :exc:`Refused` where it would not hold."""
        changed = msgspec.structs.replace(changed, policy_sha256=sha256(rules).hexdigest())
        content = trust.write(changed)
        try:
            trust.read(content)
            found = policy.parse(rules)
        except Misread as misread:
            raise Refused(f"with that, nobody could be believed: {misread}") from misread
        lacking = {each.vkey for each in changed.log_keys} - {str(each) for each in found.logs}
        if lacking:
            raise Refused(f"the policy does not name the log's own key {min(lacking)}")
        planned = Next(policy=rules, trust=content, key=key)
        write_file(self.audit / "trust" / NEXT, msgspec.json.encode(planned))
        settle(self.audit)
        return trust.pin(content)


def rotate_log_key(audit: Path) -> Rotated:
    """Let a new key sign the checkpoints of all sizes above that of today."""
    with _ground(audit) as ground:
        size = FrameReader(layout.log_folder(audit), ground.trust.origin).size
        made = _make(audit, LOG)
        ended = [
            msgspec.structs.replace(key, to_size=size) if key.to_size is None else key
            for key in ground.trust.log_keys
        ]
        keys = (
            *(key for key in ended if key.to_size is None or key.from_size <= key.to_size),
            LogKey(vkey=str(made), from_size=size + 1, to_size=None),
        )
        changed = msgspec.structs.replace(ground.trust, log_keys=keys)
        return Rotated(ground.change(changed, with_log(ground.policy, made), LOG), made)


def rotate_digest_key(audit: Path) -> Rotated:
    """Let a new key sign all digests after the last one that is there."""
    with _ground(audit) as ground:
        last = max(layout.digest_numbers(layout.log_folder(audit)), default=0)
        made = _make(audit, DIGEST)
        ended = [
            msgspec.structs.replace(key, to_digest=last) if key.to_digest is None else key
            for key in ground.trust.digest_keys
        ]
        keys = (
            *(key for key in ended if key.to_digest is None or key.from_digest <= key.to_digest),
            DigestKey(vkey=str(made), from_digest=last + 1, to_digest=None),
        )
        changed = msgspec.structs.replace(ground.trust, digest_keys=keys)
        return Rotated(ground.change(changed, ground.policy, DIGEST), made)


def rotate_producer_key(
    audit: Path, producer_id: str, now: Nanos, vkey: Vkey | None = None
) -> Rotated:
    """Let a new key sign all boots of a producer from ``now`` on; it has been stopped.

    Args:
        audit: the folder of the log
        producer_id: which one, ``log`` for the log's own entries; one that is new may be named too
        now: the wall clock
        vkey: of a key that was made where the producer runs; None: it is made here
    """
    with _ground(audit) as ground:
        name = producer_name(producer_id)
        made = vkey or _make(audit, name, f"{ground.trust.origin}/producer/{producer_id}")
        boot = boot_after(now, max(_boots(ground, producer_id), default=""))
        key = ProducerKey(producer_id=producer_id, vkey=str(made), from_boot=boot)
        keys = (*ground.trust.producer_keys, key)
        changed = msgspec.structs.replace(ground.trust, producer_keys=keys)
        return Rotated(ground.change(changed, ground.policy, "" if vkey else name), made)


def rotate_witness_key(
    audit: Path, name: str, vkey: Vkey | None = None, *, stolen: bool = False
) -> Rotated:
    """Let a witness of the policy cosign with a new key.

    Receipts and proofs that were given out bear cosignatures of the old one, and nobody can say for
    which sizes it counts; so it stays beside the new one, unless it was ``stolen``.

    Args:
        audit: the folder of the log
        name: what the policy calls the witness
        vkey: of a key that was made where the witness runs; None: it is made here
        stolen: believe the old key no more; what bears no other cosignature has to be proven anew
    """
    with _ground(audit) as ground:
        made = vkey or _make(audit, WITNESS)
        rules = with_witness(ground.policy, name.encode(), made, keep_old=not stolen)
        key = "" if vkey else WITNESS
        return Rotated(ground.change(ground.trust, rules, key), made)


def change_policy(audit: Path, rules: bytes) -> str:
    """Put another policy in place (witnesses, quorum), and give the new pin."""
    with _ground(audit) as ground:
        return ground.change(ground.trust, rules, "")


def settle(audit: Path) -> None:
    """Finish a rotation that was begun, if there is one; whoever calls it holds the lock."""
    path = audit / "trust" / NEXT
    if not path.exists():
        return
    planned = msgspec.json.decode(path.read_bytes(), type=Next)
    write_file(layout.policy_path(audit), planned.policy)
    write_file(layout.trust_path(audit), planned.trust)
    if planned.key:
        new = _new_path(audit, planned.key)
        if new.exists():
            new.replace(key_path(audit, planned.key))
            sync_folder(new.parent)
    remove(path)


def with_log(rules: bytes, vkey: Vkey) -> bytes:
    """Add a key of the log to a policy, behind those that it has."""
    lines = rules.split(b"\n")
    last = max(number for number, line in enumerate(lines) if line.split()[:1] == [b"log"])
    url = lines[last].split()[2:]
    return b"\n".join(
        [*lines[: last + 1], b" ".join([b"log", str(vkey).encode(), *url]), *lines[last + 1 :]]
    )


def with_witness(rules: bytes, name: bytes, vkey: Vkey, *, keep_old: bool) -> bytes:
    """Give a witness of a policy another key.

    The old one is called ``<name>/1`` from then on (then ``/2``, …), has no URL, and either of them
    counts: wherever the policy asked for ``<name>`` it asks for the group ``<name>/any``.
    """
    lines = rules.split(b"\n")
    named = [words[1] for line in lines if (words := line.split())[:1] == [b"witness"]]
    if name not in named:
        raise Refused(f"the policy has no witness {name.decode(errors='replace')!r}")
    older = [each for each in named if re.fullmatch(re.escape(name) + rb"/[0-9]+", each)]
    retired = name + b"/%d" % (len(older) + 1) if keep_old else None
    renewal = Renewal(name, str(vkey).encode(), retired, first=not older)
    return b"\n".join(part for line in lines for part in renewal.lines(line))


class Renewal(NamedTuple):
    """A witness's new key; ``retired`` is what its old one is called, None if it goes."""

    name: bytes
    vkey: bytes
    retired: bytes | None
    first: bool

    def lines(self, line: bytes) -> list[bytes]:
        """Give what stands in the place of a line of the policy, which is mostly itself."""
        words = line.split()
        if words[:2] == [b"witness", self.name]:
            return self._witness(words[2], words[3:])
        if self.retired is None or words[:1] not in ([b"group"], [b"quorum"]):
            return [line]
        if words[1] == self._either and words[0] == b"group":
            return [b" ".join([*words, self.retired])]
        return [b" ".join(self._either if word == self.name else word for word in words)]

    @property
    def _either(self) -> bytes:
        return self.name + b"/any"

    def _witness(self, old: bytes, url: list[bytes]) -> list[bytes]:
        put = [[b"witness", self.name, self.vkey, *url]]
        if self.retired is not None:
            put.append([b"witness", self.retired, old])
            if self.first:
                put.append([b"group", self._either, b"any", self.name, self.retired])
        return [b" ".join(words) for words in put]


@contextmanager
def _ground(audit: Path) -> Iterator[Ground]:
    """Read what is believed now, while nobody else can change it."""
    refusal = f"an audit service runs on {audit}: stop it, for it signs with the keys that it has"
    with alone(audit / LOCK, refusal):
        settle(audit)
        try:
            rules = layout.policy_path(audit).read_bytes()
            found = trust.read(layout.trust_path(audit).read_bytes())
            trust.check_policy(found, rules)
        except (OSError, Misread) as fault:
            raise Refused(f"the trust below {audit / 'trust'} does not hold: {fault}") from fault
        yield Ground(audit, found, rules)


def _make(audit: Path, name: str, called: str | None = None) -> Vkey:
    """Make a private key beside the old one, in whose name it signs, or in the name given."""
    path = key_path(audit, name)
    if called is None:
        old = read_key(path).vkey
        key = SigningKey.generate(old.name, old.kind)
    else:
        key = SigningKey.generate(called)
    new = _new_path(audit, name)
    make_folder(new.parent)
    new.unlink(missing_ok=True)  # of a rotation that ended before it had begun
    keep_key(new, key)
    return key.vkey


def _new_path(audit: Path, name: str) -> Path:
    path = key_path(audit, name)
    return path.with_name(path.name + NEW_SUFFIX)


def boot_after(now: Nanos, last: str) -> str:
    """Name a moment that lies after the boot ``last``, and not after the next one.

    Boots are named by the time at which they begin, and behind ``last`` whatever the clock did.
    """
    name = compact_text(now)
    return name if name > last else f"{last}!"


def _boots(ground: Ground, producer_id: str) -> Iterator[str]:
    """Give the boots of a producer that its own log and the last entries know."""
    for boot in tail.boots(ground.audit / "wal", producer_id):
        yield boot.boot
    frames = FrameReader(layout.log_folder(ground.audit), ground.trust.origin)
    first = max(frames.first, frames.size - BLOCKS_READ * layout.BLOCK)
    for canonical in frames.entries(first, frames.size):
        producer = entry.read(canonical).producer
        if producer.id == producer_id:
            yield producer.boot
