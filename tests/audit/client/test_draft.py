"""Drafts: what is encoded at once, what is refused there, and what is put in later."""

from collections import OrderedDict
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audit.streams.rig import deed
from trading_runtime.audit.client.client import Act
from trading_runtime.audit.client.draft import draft, draft_told, named, numbered, opening_of
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


@pytest.mark.parametrize(
    "state",
    [
        {"price": 1.5},
        {"deep": {"price": 1.5}},
        {"many": (1, 2)},
        {"id": UUID(int=1)},
        {"large": 2**53},
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
    with pytest.raises(Misread):
        draft_told(act, "console", Nanos(0))


@pytest.mark.parametrize("member", ["event_type", "operation", "user_id", "trace_id", "client_ip"])
def test_what_is_no_text_is_refused(member: str) -> None:
    told = {"event_type": "T", "operation": "t", "entity_id": "user:ann"} | {member: 7}
    with pytest.raises(Misread):
        draft_told(Act(**told), "console", Nanos(0))  # type: ignore[arg-type]


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
