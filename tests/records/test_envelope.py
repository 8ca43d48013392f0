"""Bodies and frames: what is written is what is read."""

import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records.golden.make_golden import Examples, kinds_of_body
from trading_runtime.records.envelope import (
    BODY_OFFSET,
    FRAME,
    STAMP,
    Kind,
    Stamp,
    decode_body,
    encode_body,
    frame_record,
)
from trading_runtime.records.inputs import TurnEnded
from trading_runtime.records.units import Nanos


@pytest.mark.parametrize("place", range(len(kinds_of_body())))
def test_every_body_comes_back_as_it_was(place: int) -> None:
    _, struct = kinds_of_body()[place]
    body = Examples().struct(struct)
    packed = encode_body(body)
    assert encode_body(decode_body(packed)) == packed
    assert type(decode_body(packed)) is struct


def test_a_body_is_an_array_with_its_name_first() -> None:
    for _, struct in kinds_of_body():
        fields = msgspec.msgpack.decode(encode_body(Examples().struct(struct)))
        assert fields[0] == struct.__name__
        assert len(fields) == 1 + len(struct.__struct_fields__)


@pytest.mark.parametrize(
    "packed",
    [
        msgspec.msgpack.encode(["NoSuchEvent"]),
        msgspec.msgpack.encode({"type": "TurnEnded"}),
        msgspec.msgpack.encode(["TimerFired", 7]),
        encode_body(TurnEnded())[:-1],
        b"",
    ],
)
def test_what_is_no_body_of_ours_is_refused(packed: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_body(packed)


@given(
    st.sampled_from(Kind),
    st.integers(1, 2**64 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.binary(max_size=300),
)
def test_a_frame_holds_length_checksum_and_clocks(
    kind: Kind, seq: int, at: int, wall: int, body: bytes
) -> None:
    framed = frame_record(kind, seq, Stamp(Nanos(at), Nanos(wall)), body)
    length, checksum = FRAME.unpack_from(framed)
    assert length == len(framed) - FRAME.size
    assert checksum == zlib.crc32(framed[FRAME.size :])
    assert STAMP.unpack_from(framed, FRAME.size) == (kind, seq, at, wall)
    assert framed[BODY_OFFSET:] == body
