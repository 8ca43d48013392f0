"""Drafts: what is encoded at once, what is refused there, and what is put in later."""

from collections import OrderedDict
from enum import StrEnum
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tests.audit.streams.rig import deed
from trading_runtime.audit.client.client import Act
from trading_runtime.audit.client.draft import (
    draft,
    draft_of,
    draft_told,
    named,
    numbered,
    opening_of,
    snapshot,
    snapshot_room,
)
from trading_runtime.errors import Misread
from trading_runtime.evidence import submission
from trading_runtime.evidence.canonical import JsonObject
from trading_runtime.evidence.submission import Deed
from trading_runtime.records.units import Nanos

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
NAMES = st.sampled_from(["producer", "eventId", "eventTime", "requestData", "\U0001f600", "\ue000"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | TEXTS, inner, max_size=4),
    max_leaves=8,
)
STATES = st.none() | st.dictionaries(NAMES | TEXTS, VALUES, max_size=4)
FLAT = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS
FLAT_STATES = st.none() | st.dictionaries(NAMES | TEXTS, FLAT, max_size=4)
ENTITIES = st.sampled_from(["user:ann", "user:\u00e9", "user:e\u0301", "", "a\n", "x" * 257])
ROOM = snapshot_room("console")


class Kind(StrEnum):
    BUY = "buy"


class Sub(str):
    """Text that is more than text."""

    __slots__ = ()


@given(STATES, STATES, STATES, TEXTS)
def test_a_numbered_draft_is_what_the_format_writes(
    before: JsonObject | None, after: JsonObject | None, request: JsonObject | None, text: str
) -> None:
    wanted = Deed(
        event_id=str(uuid4()),
        event_time_ns=1_790_000_000_123_456_789,
        service_name=text,
        event_type=text,
        trace_id=text,
        user_id=None,
        entity_id="user:ann",
        client_ip=text,
        operation=text,
        before_state=before,
        after_state=after,
        request_data=request,
    )
    opening = opening_of('con"sole', "boot")
    expected = submission.write(wanted, 'con"sole', "boot", 7, "c2ln")
    assert numbered(draft(wanted), opening, 7, b'"c2ln"') == expected


@given(FLAT_STATES, FLAT_STATES, STATES, st.none() | TEXTS, ENTITIES)
def test_a_snapshot_makes_the_same_draft_or_is_none(
    before: JsonObject | None,
    after: JsonObject | None,
    request: JsonObject | None,
    text: str | None,
    entity_id: str,
) -> None:
    act = Act(
        event_type="T",
        operation="t",
        entity_id=entity_id,
        user_id=text,
        trace_id=text,
        client_ip=text,
        before_state=before,
        after_state=after,
        request_data=request,
    )
    taken = snapshot(act, snapshot_room('con"sole'))
    if taken is not None:
        assert draft_of(taken, 'con"sole', Nanos(7)) == draft_told(act, 'con"sole', Nanos(7))
    flat = all(not isinstance(value, dict | list) for value in (request or {}).values())
    assert (taken is not None) == (flat and entity_id == "user:ann")


@pytest.mark.parametrize("more", [0, 1])
def test_a_snapshot_has_room_for_what_the_draft_adds(more: int) -> None:
    service = "s" * 1000
    room = snapshot_room(service)
    small = Act(event_type="", operation="t", entity_id="user:ann", request_data={"a": ""})
    made = snapshot(small, room)
    assert made is not None
    large = structs.replace(small, event_type="T" * (room - len(made) + more))
    taken = snapshot(large, room)
    assert (taken is None) == bool(more)
    wanted = draft_told(large, service, Nanos(7))
    assert wanted.blobs == ()
    assert taken is None or draft_of(taken, service, Nanos(7)) == wanted


@pytest.mark.parametrize(
    "state",
    [
        {"price": 1.5},
        {"deep": {"price": 1.5}},
        {"many": (1, 2)},
        {"id": UUID(int=1)},
        {"large": 2**53},
        {"price": float("nan")},
        {"text": Sub("x")},
        {"kind": Kind.BUY},
        {1: "key"},
        {"text": "\ud800"},
        OrderedDict(a=1),
        [],
        "",
        0,
    ],
    ids=repr,
)
@pytest.mark.parametrize("member", ["before_state", "after_state", "request_data"])
def test_what_is_no_object_of_the_format_is_refused(member: str, state: object) -> None:
    act = Act(event_type="T", operation="t", entity_id="user:ann", **{member: state})  # type: ignore[arg-type]
    assert snapshot(act, ROOM) is None
    with pytest.raises(Misread):
        draft_told(act, "console", Nanos(0))


@pytest.mark.parametrize("value", [7, Sub("x"), "\ud800"], ids=repr)
@pytest.mark.parametrize(
    "member", ["event_type", "operation", "entity_id", "user_id", "trace_id", "client_ip"]
)
def test_what_is_no_text_is_refused(member: str, value: object) -> None:
    told = {"event_type": "T", "operation": "t", "entity_id": "user:ann"} | {member: value}
    act = Act(**told)  # type: ignore[arg-type]
    assert snapshot(act, ROOM) is None
    with pytest.raises(Misread):
        draft_told(act, "console", Nanos(0))


def test_an_id_that_is_none_is_refused() -> None:
    good = deed()
    for wrong in ("", "x", good.event_id.upper(), good.event_id.replace("-", "")):
        bad = Deed(**{n: getattr(good, n) for n in good.__struct_fields__} | {"event_id": wrong})
        with pytest.raises(Misread):
            draft(bad)


def test_more_than_fits_goes_beside_it_or_is_refused() -> None:
    act = Act(event_type="T", operation="t", entity_id="user:a", request_data={"a": "x" * 70_000})
    made = named(draft_told(act, "console", Nanos(0)))
    assert [len(blob) for blob in made.blobs] == [70_008]
    with pytest.raises(Misread):
        draft_told(
            Act(event_type="T" * 70_000, operation="t", entity_id="user:a"), "console", Nanos(0)
        )
