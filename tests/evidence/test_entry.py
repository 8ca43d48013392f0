import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evidence.builders import ORIGIN, sealed, submitted
from tests.evidence.values import OBJECTS, TEXTS
from trading_runtime.errors import Misread
from trading_runtime.evidence import canonical, entry
from trading_runtime.evidence.canonical import JsonObject

HASH = "ab" * 32
MEMBERS = json.loads(sealed())


def changed(**members: Any) -> bytes:
    return canonical.encode(MEMBERS | members)


def reason(data: bytes) -> str:
    with pytest.raises(Misread) as caught:
        entry.read(data)
    return caught.value.reason


def submission_reason(data: bytes) -> str:
    with pytest.raises(Misread) as caught:
        entry.read_submission(data)
    return caught.value.reason


def test_an_entry_reads_as_it_was_sealed() -> None:
    data = sealed(version=7, previous=HASH)
    read = entry.read(data)
    assert (read.version, read.previous_hash, read.entity_id) == (7, HASH, "order:1")
    assert read.after_state == {"filled": "1"}
    assert read.producer == entry.Producer(boot="boot-1", id="runtime", seq=1, signature=None)
    assert entry.current_hash(data) == sha256(data).hexdigest()


def test_the_genesis_depends_on_log_and_entity() -> None:
    wanted = sha256(b"tapedeck-genesis/v1\nlog.example/tapedeck\norder:1").hexdigest()
    assert entry.genesis(ORIGIN, "order:1") == wanted
    assert entry.genesis(ORIGIN, "order:2") != wanted
    assert entry.genesis("other", "order:1") != wanted


def test_sealing_puts_two_members_where_canonical_json_wants_them() -> None:
    data = submitted()
    wanted = json.loads(data) | {"previousHash": HASH, "version": 3}
    assert entry.seal(data, HASH, 3) == canonical.encode(wanted)


@given(OBJECTS, OBJECTS, OBJECTS, TEXTS, st.none() | st.just("c2ln"), st.integers(1, 2**53 - 1))
def test_sealing_and_taking_back_are_inverse(
    before: JsonObject,
    after: JsonObject,
    request: JsonObject,
    user: str,
    signature: str | None,
    version: int,
) -> None:
    states: dict[str, Any] = {
        "before_state": before,
        "after_state": after,
        "request_data": request,
        "user_id": user,
    }
    unsigned = submitted(**states)
    data = submitted(signature=signature, **states)
    whole = entry.seal(data, HASH, version)
    assert canonical.encode(json.loads(whole)) == whole
    assert entry.submission_of(whole) == (unsigned, signature)
    assert entry.unsigned_of(data) == (unsigned, signature)
    if signature is not None:
        assert entry.signed(unsigned, signature) == data
    assert entry.read(whole).version == version


LOOKALIKES: list[Any] = [
    {"a": 0, "producer": {"boot": "x", "id": "y", "seq": 1, "signature": None}},
    {"a": {"b": 0, "producer": {"boot": "x"}}},
    {"operation": "x", "previousHash": HASH, "producer": {"boot": ""}, "version": 9},
    {"text": ',"producer":{"boot":"x","signature":null},"version":3}'},
    {"version": 12, "signature": None},
]


@pytest.mark.parametrize("state", LOOKALIKES, ids=str)
@pytest.mark.parametrize("member", ["before_state", "after_state", "request_data"])
@pytest.mark.parametrize("signature", [None, "c2ln"])
def test_a_state_that_looks_like_an_entry_is_no_place_to_cut(
    state: JsonObject, member: str, signature: str | None
) -> None:
    unsigned = submitted(**{member: state})
    data = submitted(signature=signature, **{member: state})
    whole = entry.seal(data, HASH, 5)
    wanted = json.loads(data) | {"previousHash": HASH, "version": 5}
    assert whole == canonical.encode(wanted)
    assert entry.submission_of(whole) == (unsigned, signature)
    assert entry.unsigned_of(data) == (unsigned, signature)
    if signature is not None:
        assert entry.signed(unsigned, signature) == data


@pytest.mark.parametrize(
    "name", ['a","producer":{"boot":"', '","signature":null}', "a}b", "\u2028"]
)
def test_a_name_that_looks_like_a_member_is_no_place_to_cut(name: str) -> None:
    producer = {"boot": name, "id": name, "seq": 1, "signature": "c2ln"}
    data = canonical.encode(json.loads(submitted()) | {"producer": producer, "operation": name})
    unsigned = canonical.encode(json.loads(data) | {"producer": producer | {"signature": None}})
    entry.read_submission(data)
    assert entry.unsigned_of(data) == (unsigned, "c2ln")
    assert entry.submission_of(entry.seal(data, HASH, 1)) == (unsigned, "c2ln")
    assert entry.signed(unsigned, "c2ln") == data


@pytest.mark.parametrize("function", [entry.submission_of, entry.unsigned_of])
def test_what_is_no_submission_is_refused(function: Any) -> None:
    with pytest.raises(Misread, match="no producer"):
        function(b"{}")
    with pytest.raises(Misread, match="no producer"):
        entry.seal(b"{}", HASH, 1)


def test_an_entry_has_at_most_65535_bytes() -> None:
    room = 65_535 - len(sealed(user_id=""))
    submission = json.loads(submitted()) | {"userId": "a" * room}
    whole = entry.seal(canonical.encode(submission), HASH, 1)
    assert len(whole) == 65_535
    assert entry.read(whole)
    with pytest.raises(Misread, match="65536 bytes"):
        entry.seal(canonical.encode(submission), HASH, 10)
    assert reason(whole + b" ") == "too_large"
    assert submission_reason(whole + b" ") == "too_large"


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_each_member_has_to_be_there(name: str) -> None:
    without = {key: value for key, value in MEMBERS.items() if key != name}
    assert reason(canonical.encode(without)) == "members"


@pytest.mark.parametrize("name", ["boot", "id", "seq", "signature"])
def test_each_member_of_the_producer_has_to_be_there(name: str) -> None:
    without = {key: value for key, value in MEMBERS["producer"].items() if key != name}
    assert reason(changed(producer=without)) == "members"


def test_no_other_member_may_be_there() -> None:
    assert reason(changed(currentHash=HASH)) == "members"
    assert reason(changed(producer=MEMBERS["producer"] | {"key": None})) == "members"
    assert submission_reason(sealed()) == "members"
    assert reason(submitted()) == "members"


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"version": "1"}, "members"),
        ({"version": True}, "members"),
        ({"version": None}, "members"),
        ({"version": 0}, "version"),
        ({"version": -1}, "version"),
        ({"entityId": None}, "members"),
        ({"entityId": 7}, "members"),
        ({"afterState": []}, "members"),
        ({"afterState": "x"}, "members"),
        ({"requestData": 1}, "members"),
        ({"userId": 1}, "members"),
        ({"serviceName": None}, "members"),
        ({"producer": None}, "members"),
        ({"producer": MEMBERS["producer"] | {"seq": 0}}, "producer"),
        ({"producer": MEMBERS["producer"] | {"seq": "1"}}, "members"),
        ({"producer": MEMBERS["producer"] | {"id": ""}}, "producer"),
        ({"producer": MEMBERS["producer"] | {"id": "a\nb"}}, "producer"),
        ({"producer": MEMBERS["producer"] | {"boot": "a\u0085"}}, "producer"),
        ({"producer": MEMBERS["producer"] | {"boot": "b" * 257}}, "producer"),
        ({"previousHash": "ab"}, "previous_hash"),
        ({"previousHash": "AB" * 32}, "previous_hash"),
        ({"previousHash": HASH + "\n"}, "previous_hash"),
        ({"eventId": "4C8F2A52-1D1C-8D8E-9D3F-0242AC120002"}, "event_id"),
        ({"eventId": "4c8f2a521d1c8d8e9d3f0242ac120002"}, "event_id"),
        ({"eventId": "4c8f2a52-1d1c-8d8e-9d3f-0242ac120002\n"}, "event_id"),
        ({"eventId": ""}, "event_id"),
        ({"eventTime": "2026-01-01T00:00:00Z"}, "event_time"),
        ({"eventTime": "2026-01-01 00:00:00.000000Z"}, "event_time"),
        ({"eventTime": "2026-01-01T00:00:00.000000+00:00"}, "event_time"),
        ({"eventTime": "2026-01-01T00:00:00.000000z"}, "event_time"),
        ({"eventTime": "2026-02-30T00:00:00.000000Z"}, "event_time"),
        ({"eventTime": "2026-01-01T24:00:00.000000Z"}, "event_time"),
        ({"eventTime": "2026-01-01T00:00:00.000000Z\n"}, "event_time"),
        ({"eventTime": "\u0662026-01-01T00:00:00.000000Z"}, "event_time"),
        ({"entityId": ""}, "entity_id"),
        ({"entityId": "a" * 257}, "entity_id"),
        ({"entityId": "a\tb"}, "entity_id"),
        ({"entityId": "a\nb"}, "entity_id"),
        ({"entityId": "a\x7f"}, "entity_id"),
        ({"entityId": "\u00e9\u0085"}, "entity_id"),
        ({"entityId": "user:Jose\u0301"}, "entity_id"),
        ({"entityId": "\u212b"}, "entity_id"),
    ],
    ids=str,
)
def test_what_the_format_excludes_is_refused_by_name(members: dict[str, Any], why: str) -> None:
    assert reason(changed(**members)) == why


@pytest.mark.parametrize("entity_id", ["user:José", "a" * 256, "日本語", "\U0001f600" * 256, " "])
def test_an_entity_may_have_any_name_in_normal_form(entity_id: str) -> None:
    assert entry.read(changed(entityId=entity_id)).entity_id == entity_id


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b'"version":1}', b'"version":1.0}', "members"),
        (b'"version":1}', b'"version":1e0}', "members"),
        (b'"version":1}', b'"version":01}', "not_json"),
        (b'"version":1}', b'"version":1,"version":1}', "not_canonical"),
        (b'"version":1}', b'"version":2,"version":1}', "not_canonical"),
        (b'"version":1}', b'"version":1} ', "not_canonical"),
        (b'"version":1}', b'"version":9007199254740992}', "integer"),
        (b'"version":1}', b'"version":99999999999999999999}', "integer"),
        (b'"filled":"1"', b'"filled":1.0', "float"),
        (b'"filled":"1"', b'"filled":-0', "not_canonical"),
        (b'"filled":"1"', b'"filled":9007199254740993', "integer"),
        (b'"filled":"1"', b'"filled":"\\u0031"', "not_canonical"),
        (b'"filled":"1"', b'"filled":"1","filled":"1"', "not_canonical"),
        (b'"filled":"1"', b'"filled":"\\ud800"', "not_json"),
        (b'"filled":"1"', b'"filled":"\xff"', "not_json"),
        (b'"filled":"1"', b'"filled":NaN', "not_json"),
        (b'"filled":"1"', b'"filled":' + b"[" * 31 + b"]" * 31, "depth"),
        (b'"operation":"place"', b'"operation": "place"', "not_canonical"),
        (b'"operation":"place"', b'"operation":"pl\\u0061ce"', "not_canonical"),
        (b'"entityId"', b'"entityI\\u0064"', "not_canonical"),
    ],
    ids=str,
)
def test_other_bytes_of_the_same_entry_are_refused(old: bytes, new: bytes, why: str) -> None:
    data = sealed()
    assert data.count(old) == 1
    assert reason(data.replace(old, new)) == why


def test_thirty_two_levels_with_the_entry_itself_are_read() -> None:
    data = sealed().replace(b'"filled":"1"', b'"filled":' + b"[" * 30 + b"]" * 30)
    assert entry.read(data)


@given(st.integers(0, 2000), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_another_entry(place: int, change: int) -> None:
    data = sealed()
    place %= len(data)
    other = data[:place] + bytes([data[place] ^ change]) + data[place + 1 :]
    try:
        read = entry.read(other)
    except Misread:
        return
    assert read != entry.read(data)


@given(st.binary(max_size=80))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    with pytest.raises(Misread):
        entry.read(data)
    with pytest.raises(Misread):
        entry.read_submission(data)
