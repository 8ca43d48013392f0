"""Segment bytes: whole records or a named fault, whatever was cut or flipped."""

import zlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records.golden import make_golden
from trading_runtime.records.envelope import (
    FRAME,
    LENGTH_MAX,
    SCHEMA_VERSION,
    STAMP,
    Kind,
    Record,
    Stamp,
    decode_body,
    encode_body,
    frame_record,
)
from trading_runtime.records.segments import (
    Damaged,
    SegmentHeader,
    Torn,
    Watermark,
    header_bytes,
    read_header,
    read_records,
    read_watermark,
    watermark_bytes,
)
from trading_runtime.records.units import Nanos, Seq

GOLDEN = Path(__file__).parent / "golden"
INT64 = st.integers(-(2**63), 2**63 - 1)
RECORDS = st.lists(
    st.builds(
        lambda kind, seq, at, wall, body: Record(
            kind, Seq(seq), Stamp(Nanos(at), Nanos(wall)), body
        ),
        st.sampled_from(Kind),
        st.integers(0, 2**64 - 1),
        INT64,
        INT64,
        st.binary(max_size=80),
    ),
    max_size=6,
)


def framed(records: list[Record]) -> bytes:
    return b"".join(frame_record(*record) for record in records)


def read_until_fault(data: bytes, offset: int = 0) -> tuple[list[Record], int, Damaged | None]:
    """Give the whole records, where they end and what ended them."""
    records: list[Record] = []
    try:
        for record, end in read_records(data, offset):
            records.append(record)
            offset = end
    except Damaged as damage:
        return records, offset, damage
    return records, offset, None


@given(RECORDS)
def test_any_records_come_back_as_they_were(records: list[Record]) -> None:
    data = framed(records)
    assert read_until_fault(data) == (records, len(data), None)


@given(RECORDS, st.data())
def test_any_truncation_gives_exactly_the_whole_records(
    records: list[Record], data: st.DataObject
) -> None:
    whole = framed(records)
    cut = data.draw(st.integers(0, len(whole)))
    ends = [len(framed(records[:many])) for many in range(len(records) + 1)]
    many = max(place for place, end in enumerate(ends) if end <= cut)
    read, end, damage = read_until_fault(whole[:cut])
    assert read == records[:many]
    assert end == ends[many]
    assert (damage is None) == (cut in ends)
    assert damage is None or (isinstance(damage, Torn) and damage.offset == ends[many])


@given(RECORDS.filter(bool), st.data())
def test_any_flipped_byte_is_found_at_its_record(
    records: list[Record], data: st.DataObject
) -> None:
    whole = bytearray(framed(records))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    read, end, damage = read_until_fault(bytes(whole))
    assert damage is not None
    assert damage.offset == end <= place
    assert read == records[: len(read)]
    assert place < end + len(frame_record(*records[len(read)]))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_nothing_else(data: bytes) -> None:
    read_until_fault(data)


def test_a_length_that_cannot_be_is_damage_even_at_the_end() -> None:
    for length in (0, STAMP.size - 1, LENGTH_MAX + 1, 2**32 - 1):
        for rest in (b"", bytes(100)):
            damage = read_until_fault(FRAME.pack(length, 0) + rest)[2]
            assert damage is not None
            assert not isinstance(damage, Torn)


def test_an_unknown_kind_is_damage_though_its_checksum_agrees() -> None:
    assert read_until_fault(frame_record(4, 1, Stamp(Nanos(1), Nanos(1)), b""))[2] is not None


def test_any_crc_32_of_the_same_polynomial_will_do() -> None:
    asked: list[int] = []

    def checksum_of(data: bytes) -> int:
        asked.append(len(data))
        return zlib.crc32(data)

    data = framed([Record(Kind.INPUT, Seq(1), Stamp(Nanos(1), Nanos(2)), b"body")])
    assert [record.body for record, _ in read_records(data, 0, checksum_of)] == [b"body"]
    assert asked == [STAMP.size + 4]


HEADER = SegmentHeader(session="20251119T140501Z-x", segment=3, first_seq=Seq(77))


def test_a_header_comes_back_with_the_offset_of_the_first_record() -> None:
    data = header_bytes(HEADER)
    assert read_header(data + b"records") == (HEADER, len(data))


def test_any_flipped_byte_of_a_header_is_found() -> None:
    data = header_bytes(HEADER)
    for place in range(len(data)):
        for flip in (1, 2, 128, 255):
            changed = bytearray(data)
            changed[place] ^= flip
            with pytest.raises(Damaged):
                read_header(bytes(changed))


def test_any_cut_header_is_torn() -> None:
    data = header_bytes(HEADER)
    for size in range(len(data)):
        with pytest.raises(Torn):
            read_header(data[:size])


def test_a_watermark_comes_back_and_any_flipped_byte_of_it_is_found() -> None:
    mark = Watermark(7, 1_234_567, Seq(89))
    data = watermark_bytes(mark)
    assert read_watermark(data) == mark
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises(Damaged):
            read_watermark(bytes(changed))
    with pytest.raises(Damaged):
        read_watermark(data[:-1])


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("v*.tdj")), ids=lambda path: path.stem)
def test_a_golden_segment_decodes_to_the_values_that_are_written_beside_it(path: Path) -> None:
    data = path.read_bytes()
    words = msgspec.json.decode(path.with_suffix(".json").read_bytes())
    header, start = read_header(data)
    assert make_golden.plain(header) == words["header"]
    found = [
        make_golden.described(record.kind, record.seq, record.stamp, decode_body(record.body))
        for record, _ in read_records(data, start)
    ]
    assert found == words["records"]


def test_every_kind_of_record_stands_in_the_golden_segment() -> None:
    words = msgspec.json.decode((GOLDEN / f"v{SCHEMA_VERSION}.json").read_bytes())
    names = [(record["kind"], record["name"]) for record in words["records"]]
    assert names == [
        (kind.name.lower(), struct.__name__) for kind, struct in make_golden.kinds_of_body()
    ]


def test_the_same_values_are_encoded_to_the_golden_bytes_today() -> None:
    golden = (GOLDEN / f"v{SCHEMA_VERSION}.tdj").read_bytes()
    assert make_golden.segment() == golden
    for record, _ in read_records(golden, read_header(golden)[1]):
        assert encode_body(decode_body(record.body)) == record.body
