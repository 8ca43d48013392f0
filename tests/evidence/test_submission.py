import json
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evidence.builders import deed, submitted
from trading_runtime.errors import Misread
from trading_runtime.evidence import canonical, entry, submission
from trading_runtime.evidence.notes import SigningKey, encode_base64
from trading_runtime.evidence.submission import Chain

LARGE = {"a": "x" * 40_000}
LARGER = {"a": "y" * 50_000}


def test_a_deed_is_written_as_its_producer_numbers_it() -> None:
    read = entry.read_submission(submission.write(deed(), "runtime", "boot-1", 4, "c2ln"))
    assert read.producer == entry.Producer(boot="boot-1", id="runtime", seq=4, signature="c2ln")
    assert read.event_time == "2026-01-01T00:00:00.123456Z"
    assert (read.before_state, read.after_state) == ({"filled": "0"}, {"filled": "1"})


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"entity_id": "user:Jose\u0301"}, "entity_id"),
        ({"entity_id": ""}, "entity_id"),
        ({"after_state": {"price": 1.5}}, "float"),
        ({"after_state": {"price": 2**53}}, "integer"),
        ({"operation": "\ud800"}, "surrogate"),
        ({"user_id": "x" * 65_535}, "too_large"),
        ({"after_state": LARGE, "before_state": LARGE}, "too_large"),
    ],
)
def test_a_deed_that_no_log_would_take_is_refused(members: dict[str, Any], why: str) -> None:
    with pytest.raises(Misread) as caught:
        submission.write(deed(**members), "runtime", "boot-1", 1, None)
    assert caught.value.reason == why


def test_whatever_is_written_can_be_signed_and_sealed() -> None:
    room = submission.SUBMISSION_BYTES_MAX - len(submitted(user_id=""))
    unsigned = submitted(user_id="a" * room)
    data = entry.signed(unsigned, encode_base64(bytes(64)))
    assert len(entry.seal(data, "ab" * 32, 2**53 - 1)) <= entry.ENTRY_BYTES_MAX


def test_the_chain_is_that_of_the_format() -> None:
    chain = Chain("runtime", "boot-1")
    value = sha256(b"tapedeck-producer/v1\nruntime\nboot-1").digest()
    assert chain.value == value
    for seq in (1, 2, 3):
        unsigned, _ = entry.unsigned_of(submitted(seq=seq, signature="c2ln"))
        value = sha256(value + sha256(unsigned).digest()).digest()
        assert chain.add(unsigned) == chain.value == value
    text = f"tapedeck-batch/v1\nruntime\nboot-1\n3\n{value.hex()}\n".encode()
    assert chain.signed_text() == submission.signed_text("runtime", "boot-1", 3, value) == text
    again = Chain("runtime", "boot-1", chain.seq, chain.value)
    assert again.add(submitted(seq=4)) == chain.add(submitted(seq=4))


@pytest.mark.parametrize(("producer_id", "boot"), [("a\nb", "c"), ("a", "b\nc"), ("", "b")])
def test_no_name_can_hold_the_end_of_a_signed_line(producer_id: str, boot: str) -> None:
    with pytest.raises(Misread, match="producer"):
        Chain(producer_id, boot)


def test_a_batch_is_signed_and_judged_by_its_last_submission() -> None:
    key = SigningKey.generate("runtime")
    chain = Chain("runtime", "boot-1")
    batch = [submitted(seq=seq) for seq in (1, 2, 3)]
    for unsigned in batch:
        chain.add(unsigned)
    batch[-1] = entry.signed(batch[-1], encode_base64(key.sign(chain.signed_text())))

    judge = Chain("runtime", "boot-1")
    found: list[str | None] = []
    for data in batch:
        unsigned, signature = entry.unsigned_of(data)
        judge.add(unsigned)
        found.append(signature)
    assert found[:2] == [None, None]
    assert encode_base64(key.sign(judge.signed_text())) == found[2]


def test_the_same_record_gives_the_same_event_id_again() -> None:
    found = submission.event_id("session", 12, 0)
    digest = sha256(b"session\n12\n0").digest()
    assert found == submission.event_id("session", 12, 0)
    assert UUID(found).version == 8
    assert UUID(found).variant == "specified in RFC 4122"
    assert UUID(found).bytes[:6] == digest[:6]
    others = {submission.event_id("session", 12, 1), submission.event_id("session", 1, 20)}
    assert found not in others
    assert entry.read_submission(submitted(event_id=found)).event_id == found


@given(st.integers(0, 4_102_444_800 * 10**9))
def test_times_are_written_so_that_entries_take_them(time_ns: int) -> None:
    text = submission.event_time(time_ns)
    entry.check_time(text)
    assert entry.read_submission(submitted(event_time_ns=time_ns)).event_time == text


def test_a_time_is_in_microseconds_rounded_down() -> None:
    assert submission.event_time(999) == "1970-01-01T00:00:00.000000Z"
    assert submission.event_time(1_767_225_599_999_999_999) == "2025-12-31T23:59:59.999999Z"


def test_what_fits_is_not_shortened() -> None:
    whole = deed(after_state=LARGE)
    assert submission.shorten(whole) == (whole, ())


def test_the_largest_values_give_way_to_their_hashes() -> None:
    whole = deed(before_state=LARGE, after_state=LARGER, request_data={"a": 1})
    short, blobs = submission.shorten(whole)
    assert blobs == (canonical.encode(LARGER),)
    assert short.before_state == LARGE
    assert short.after_state == {"$len": len(blobs[0]), "$sha256": sha256(blobs[0]).hexdigest()}
    assert entry.read_submission(submission.write(short, "runtime", "b", 1, None))


@given(st.tuples(*[st.integers(0, 70_000)] * 3))
def test_whatever_is_shortened_can_be_written(sizes: tuple[int, int, int]) -> None:
    states = [{"a": "é" * (size // 2)} if size else None for size in sizes]
    whole = deed(before_state=states[0], after_state=states[1], request_data=states[2])
    short, blobs = submission.shorten(whole)
    data = submission.write(short, "r" * 256, "b" * 256, 2**53 - 1, encode_base64(bytes(64)))
    assert entry.seal(data, "ab" * 32, 2**53 - 1)
    kept = [state for state in json.loads(data).values() if type(state) is dict]
    named = [state["$sha256"] for state in kept if "$sha256" in state]
    assert sorted(named) == sorted(sha256(blob).hexdigest() for blob in blobs)


def test_a_value_beyond_bounds_is_refused() -> None:
    with pytest.raises(Misread, match="too_large"):
        submission.shorten(deed(after_state={"a": "x" * submission.BLOB_BYTES_MAX}))


@given(st.binary(min_size=1, max_size=50), st.lists(st.binary(max_size=20), max_size=3))
def test_an_envelope_gives_back_what_was_put_in(data: bytes, blobs: list[bytes]) -> None:
    packed = submission.envelope(data, blobs)
    assert submission.open_envelope(packed) == (data, tuple(blobs))
    assert packed[:4] == len(data).to_bytes(4, "little")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        b"\x01\x00\x00\x00",
        b"\x01\x00\x00\x00ab",
        b"\xff\xff\xff\xffa",
        submission.envelope(b"a", [b"b"] * 4),
    ],
)
def test_a_torn_envelope_is_refused(data: bytes) -> None:
    with pytest.raises(Misread, match="envelope"):
        submission.open_envelope(data)


def test_a_reference_is_what_the_log_keeps_a_blob_under() -> None:
    blob = canonical.encode(LARGE)
    assert submission.reference(blob) == {"$len": len(blob), "$sha256": sha256(blob).hexdigest()}
