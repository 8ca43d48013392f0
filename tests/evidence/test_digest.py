import json
from hashlib import sha256
from typing import Any

import pytest
from msgspec import structs

from tests.evidence.builders import DIGESTS, LOG, ORIGIN, START, WITNESS, trusted, witnessed
from trading_runtime.errors import Misread
from trading_runtime.evidence import canonical, digest, notes
from trading_runtime.evidence.checkpoint import Checkpoint
from trading_runtime.evidence.digest import (
    ClockQuality,
    Digest,
    Heads,
    ProducerRun,
    Segment,
)
from trading_runtime.evidence.notes import Kind, SigningKey

HASH = "ab" * 32
START_S = 1_767_225_600
DIGEST = Digest(
    v=1,
    origin=ORIGIN,
    digest_no=3,
    period_start="2026-01-01T02:00:00.000000Z",
    period_end="2026-01-01T03:00:00.000000Z",
    tree_size_from=5,
    tree_size_to=12,
    root_hash=HASH,
    checkpoint=witnessed(Checkpoint(ORIGIN, 12, bytes(32)), LOG, WITNESS).decode(),
    heads=Heads(key="heads/00000003.heads", sha256=HASH, root=HASH, count=2),
    segments=(
        Segment(
            key="blocks/000000/entries.parquet",
            sha256=HASH,
            bytes=99,
            first_index=0,
            count=65_536,
            root=HASH,
        ),
    ),
    producers=(ProducerRun(id="runtime", boot="b", first_seq=1, last_seq=7, dropped=0),),
    clock=ClockQuality(source="chrony", synced=True, max_error_us=850),
    oldest_event_time=START,
    newest_event_time=START,
    alarms=0,
    previous_sha256=HASH,
)
MEMBERS = json.loads(digest.encode(DIGEST))


def refusal(data: bytes) -> str:
    with pytest.raises(Misread) as caught:
        digest.open_digest(data, trusted())
    return caught.value.reason


def test_a_digest_opens_as_it_was_signed() -> None:
    data = digest.sign(DIGEST, DIGESTS)
    assert digest.open_digest(data, trusted()) == DIGEST
    assert digest.note_hash(data) == sha256(data).hexdigest()
    line = notes.split(data)[0]
    assert canonical.encode(json.loads(line)) == line[:-1].encode()


def test_an_empty_period_has_a_digest_too() -> None:
    empty = structs.replace(
        DIGEST,
        tree_size_to=5,
        checkpoint=None,
        segments=(),
        producers=(),
        oldest_event_time=None,
        newest_event_time=None,
        previous_sha256=None,
    )
    assert digest.open_digest(digest.sign(empty, DIGESTS), trusted()) == empty


def test_the_members_are_those_of_the_format() -> None:
    assert sorted(MEMBERS) == sorted(
        (
            *("v", "origin", "digestNo", "periodStart", "periodEnd", "treeSizeFrom", "treeSizeTo"),
            *("rootHash", "checkpoint", "heads", "segments", "producers", "clock"),
            *("oldestEventTime", "newestEventTime", "alarms", "previousSha256"),
        )
    )
    assert sorted(MEMBERS["heads"]) == ["count", "key", "root", "sha256"]
    assert sorted(MEMBERS["segments"][0]) == [
        *("bytes", "count", "firstIndex", "key", "root", "sha256")
    ]
    assert sorted(MEMBERS["producers"][0]) == ["boot", "dropped", "firstSeq", "id", "lastSeq"]
    assert sorted(MEMBERS["clock"]) == ["maxErrorUs", "source", "synced"]


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_each_member_has_to_be_there(name: str) -> None:
    without = {key: value for key, value in MEMBERS.items() if key != name}
    with pytest.raises(Misread, match="digest"):
        digest.read(canonical.encode(without).decode() + "\n")


@pytest.mark.parametrize(
    "members",
    [
        {"v": 2},
        {"digestNo": 0},
        {"digestNo": "3"},
        {"treeSizeFrom": 13},
        {"treeSizeFrom": -1},
        {"alarms": None},
        {"more": 1},
        {"heads": None},
        {"clock": {"source": "x", "synced": 1, "maxErrorUs": None}},
    ],
    ids=str,
)
def test_what_the_format_excludes_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(Misread, match="digest"):
        digest.read(canonical.encode(MEMBERS | members).decode() + "\n")


def test_other_bytes_of_the_same_digest_are_refused() -> None:
    for text in (
        digest.encode(DIGEST)[:-1],
        digest.encode(DIGEST) + "\n",
        json.dumps(MEMBERS) + "\n",
        digest.encode(DIGEST).replace('"v":1', '"v":1.0'),
        digest.encode(DIGEST).replace('"v":1', '"v":1,"v":1'),
    ):
        with pytest.raises(Misread):
            digest.read(text)


def test_only_a_digest_key_signs_digests() -> None:
    text = digest.encode(DIGEST)
    assert refusal(notes.sign_note(text, LOG)) == "unsigned"
    stranger = SigningKey(digest.key_name(ORIGIN), Kind.ED25519, b"s" * 32)
    assert refusal(notes.sign_note(text, stranger)) == "unsigned"
    with pytest.raises(Misread, match="key"):
        digest.sign(DIGEST, LOG)
    changed = digest.sign(DIGEST, DIGESTS).replace(b'"alarms":0', b'"alarms":1')
    assert refusal(changed) == "signature"


def test_a_retired_key_signs_no_new_digest() -> None:
    late = structs.replace(DIGEST, digest_no=100)
    assert refusal(digest.sign(late, DIGESTS)) == "digest_key"


def test_the_digest_of_another_log_is_refused() -> None:
    other = structs.replace(DIGEST, origin="other.example")
    assert refusal(notes.sign_note(digest.encode(other), DIGESTS)) == "origin"


def test_periods_follow_one_another_and_the_clock_says_which_are_due() -> None:
    believed = trusted()
    assert digest.period(believed, 1) == (START_S, START_S + 3600)
    assert digest.period(believed, 3) == (START_S + 7200, START_S + 10_800)
    assert digest.due(believed, START_S - 1) == 0
    assert digest.due(believed, START_S - 100_000) == 0
    assert digest.due(believed, START_S + 3599) == 0
    assert digest.due(believed, START_S + 3600) == 1
    assert digest.due(believed, START_S + 10_800) == 3
