"""Deeds, entries and keys, of which a test names only what it is about."""

from hashlib import sha256
from typing import Any

from msgspec import structs

from trading_runtime.evidence import checkpoint, digest, entry, notes, submission, trust
from trading_runtime.evidence.checkpoint import Checkpoint
from trading_runtime.evidence.notes import Kind, SigningKey
from trading_runtime.evidence.submission import Deed
from trading_runtime.evidence.trust import DigestKey, LogKey, ProducerKey, Roles, Trust

ORIGIN = "log.example/tapedeck"
START = "2026-01-01T00:00:00.000000Z"
LOG = SigningKey(ORIGIN, Kind.ED25519, b"L" * 32)
OLD_LOG = SigningKey(ORIGIN, Kind.ED25519, b"O" * 32)
DIGESTS = SigningKey(digest.key_name(ORIGIN), Kind.ED25519, b"D" * 32)
WITNESS = SigningKey("witness.example/one", Kind.COSIGNATURE, b"W" * 32)
OTHER_WITNESS = SigningKey("witness.example/two", Kind.COSIGNATURE, b"X" * 32)
STRANGER = SigningKey(ORIGIN, Kind.ED25519, b"S" * 32)
POLICY = (
    f"log {LOG.vkey}\nwitness one {WITNESS.vkey} http://127.0.0.1:1/\n"
    f"witness two {OTHER_WITNESS.vkey}\ngroup both all one two\nquorum both\n"
).encode()

DEED = Deed(
    event_id="4c8f2a52-1d1c-8d8e-9d3f-0242ac120002",
    event_time_ns=1_767_225_600_123_456_789,
    service_name="tapedeck",
    event_type="OrderFilled",
    trace_id="s/1/0",
    user_id=None,
    entity_id="order:1",
    client_ip=None,
    operation="place",
    before_state={"filled": "0"},
    after_state={"filled": "1"},
    request_data=None,
)


def deed(**members: Any) -> Deed:
    return structs.replace(DEED, **members)


def submitted(seq: int = 1, signature: str | None = None, **members: Any) -> bytes:
    return submission.write(deed(**members), "runtime", "boot-1", seq, signature)


def sealed(version: int = 1, previous: str | None = None, **members: Any) -> bytes:
    data = submitted(**members)
    if previous is None:
        previous = entry.genesis(ORIGIN, deed(**members).entity_id)
    return entry.seal(data, previous, version)


def trusted(**members: Any) -> Trust:
    believed = Trust(
        v=1,
        origin=ORIGIN,
        policy_sha256=sha256(POLICY).hexdigest(),
        log_keys=(
            LogKey(vkey=str(OLD_LOG.vkey), from_size=0, to_size=9),
            LogKey(vkey=str(LOG.vkey), from_size=10, to_size=None),
        ),
        digest_keys=(DigestKey(vkey=str(DIGESTS.vkey), from_digest=1, to_digest=99),),
        producer_keys=(ProducerKey(producer_id="runtime", vkey=str(LOG.vkey), from_boot=""),),
        digest_period_seconds=3600,
        first_period_start=START,
        roles=Roles(producer="a", log="b", witness="c", archive="d", watch="d"),
    )
    return trust.read(trust.write(structs.replace(believed, **members)))


def witnessed(point: Checkpoint, *keys: SigningKey, time_s: int = 1_767_225_700) -> bytes:
    """Give the note of a checkpoint, signed and cosigned by ``keys`` as they do it."""
    text = point.text()
    return notes.join(
        text,
        [
            checkpoint.cosign(text, key, time_s)
            if key.vkey.kind is Kind.COSIGNATURE
            else notes.signature_of(text, key)
            for key in keys
        ],
    )
