"""Many entries at once are read exactly as strictly as one by one."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evidence.verify.building import Building, fill
from trading_runtime.errors import Misread
from trading_runtime.evidence import entry
from trading_runtime.evidence.verify.checks import Check
from trading_runtime.evidence.verify.rows import CHUNK, read_rows
from trading_runtime.evidence.verify.spans import follow_producers


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    log = Building(tmp_path_factory.mktemp("log"))
    fill(log)
    nested = {"a": [{"b": {"c": {"d": {"e": {"f": [1, {"producer": {"boot": "x"}}]}}}}}]}
    log.say("runtime", log.deed("order:1", request=nested, client_ip="10.0.0.1"))
    log.say("runtime", log.deed("order:1", request={"\U0001f600": 1, "\ue000": 2, "é\0": "\n"}))
    log.say("runtime", log.deed("order:1", before_state={"producer": {"boot": "x"}, "z": None}))
    return log.entries


def test_what_is_read_is_what_stands_there(entries: list[bytes]) -> None:
    rows, findings = read_rows(entries * (CHUNK // len(entries) + 2), 0)
    assert findings == []
    for row, raw in zip(rows, entries, strict=False):
        read = entry.read(raw)
        assert row is not None
        assert (row.entity_id, row.version, row.previous_hash) == (
            read.entity_id,
            read.version,
            read.previous_hash,
        )
        assert (row.event_id, row.event_time, row.user_id) == (
            read.event_id,
            read.event_time,
            read.user_id,
        )
        assert (row.after_state, row.request_data) == (read.after_state, read.request_data)


def test_a_producers_chain_is_over_what_it_submitted(entries: list[bytes]) -> None:
    rows, _ = read_rows(entries, 0)
    hashes = [hashed for piece in follow_producers(rows, entries, 0) for hashed in piece.hashes]
    wanted = [msgspec.json.decode(it) for it in entries]
    assert len(hashes) == len(wanted)
    from hashlib import sha256  # noqa: PLC0415 -- beside its only use

    assert sorted(hashes) == sorted(sha256(entry.submission_of(it)[0]).digest() for it in entries)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_bent_entry_is_refused_by_both_or_by_neither(
    entries: list[bytes], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(entries) - 1))
    raw = bytearray(entries[place])
    for _ in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.integers(0, len(raw) - 1))
        new = data.draw(
            st.sampled_from(
                [b"", b" ", b"\n", b"0", b"-", b".", b"e", b'"', b"}", b",", b"A", b"\xff"]
            )
        )
        raw[at : at + data.draw(st.integers(0, 1))] = new
    bent = [*entries[:place], bytes(raw), *entries[place + 1 :]]
    rows, findings = read_rows(bent, 0)
    try:
        entry.read(bytes(raw))
    except Misread:
        assert [it.index for it in findings] == [place]
    else:
        assert findings == []
    assert len(rows) == len(bent)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"version":1}', b'"version":1.0}'),
        (b'"version":1}', b'"version":0}'),
        (b'"version":1}', b'"version":1,"version":1}'),
        (b'"version":1}', b'"version":1,"zeal":1}'),
        (b'"seq":1,', b'"seq":9007199254740992,'),
        (b'"seq":1,', b'"seq":01,'),
        (b'"requestData":{', b'"requestData":{"a":1.5,'),
        (b'"requestData":{', b'"requestData":{"a":9007199254740993,'),
        (b'"requestData":{', b'"requestData":{"a":"\\ud800",'),
        (b'"requestData":{', b'"requestData":{"a":"\\u0041",'),
        (b'"requestData":{', b'"requestData": {'),
        (b'"requestData":{', b'"requestData":{"a":NaN,'),
        (b'"operation":"place"', b'"operation":null'),
    ],
)
def test_what_the_format_excludes_is_named(entries: list[bytes], old: bytes, new: bytes) -> None:
    bent = entries[0].replace(old, new)
    assert bent != entries[0]
    _, findings = read_rows([*entries, bent], 7)
    assert [(it.check, it.index) for it in findings] == [(Check.ENTRY_FORM, 7 + len(entries))]


def test_one_member_cannot_stand_in_for_the_next(entries: list[bytes]) -> None:
    read = entry.read(entries[0])
    both = f"{read.event_id} {read.previous_hash} {read.event_time} {read.event_id}"
    bent = entries[0].replace(
        f'"eventId":"{read.event_id}"'.encode(), f'"eventId":"{both}"'.encode()
    )
    _, findings = read_rows([bent], 0)
    assert [it.check for it in findings] == [Check.ENTRY_FORM]
