import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.lake_rows import HOUR, depth_rows, table_of, trade_rows
from trading_runtime.records.lake_schema import DEPTH, ROW_GROUP_MAX, ROW_GROUP_MIN, TRADES
from trading_runtime.store import parquet
from trading_runtime.store.hours import MINUTE_NS


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    rows = table_of(depth_rows(50), DEPTH)
    parquet.write(tmp_path / "a.parquet", rows, DEPTH, {"key": "value"})
    again = parquet.read(tmp_path / "a.parquet").cast(rows.schema)
    assert again.equals(rows)
    assert parquet.metadata(tmp_path / "a.parquet") == {"lake.schema": b"depth/1", "key": b"value"}


@given(cuts=st.lists(st.integers(0, 200), max_size=6))
@settings(max_examples=25, deadline=None)
def test_however_rows_are_chunked_the_bytes_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("chunks")
    rows = table_of(depth_rows(60), DEPTH)
    edges = sorted({0, *(min(cut, rows.num_rows) for cut in cuts), rows.num_rows})
    chunked = pa.concat_tables([rows.slice(a, b - a) for a, b in itertools.pairwise(edges)])
    parquet.write(folder / "whole.parquet", rows, DEPTH, {})
    parquet.write(folder / "chunked.parquet", chunked, DEPTH, {})
    assert (folder / "whole.parquet").read_bytes() == (folder / "chunked.parquet").read_bytes()
    assert parquet.content_sha256(rows, DEPTH) == parquet.content_sha256(chunked, DEPTH)


@pytest.mark.parametrize("table", [DEPTH, TRADES], ids=lambda it: it.minutes)
def test_each_column_has_the_encoding_that_its_table_names(tmp_path: Path, table: object) -> None:
    table = DEPTH if table is DEPTH else TRADES
    rows = table_of(depth_rows(80) if table is DEPTH else trade_rows(80), table)
    parquet.write(tmp_path / "a.parquet", rows, table, {})
    group = pq.read_metadata(tmp_path / "a.parquet").row_group(0)
    for place, column in enumerate(table.columns):
        found = group.column(place)
        assert found.path_in_schema == column.name
        assert column.encoding.value in found.encodings
        assert found.compression == "ZSTD"


def test_any_changed_cell_changes_the_content_digest() -> None:
    rows = depth_rows(20)
    digest = parquet.content_sha256(table_of(rows, DEPTH), DEPTH)
    for column, value in (("px", 1), ("prev_id", None), ("session", "s2"), ("flags", 2)):
        changed = [*rows[:-1], {**rows[-1], column: value}]
        assert parquet.content_sha256(table_of(changed, DEPTH), DEPTH) != digest


@given(st.lists(st.integers(0, 40_000), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_row_groups_end_at_minutes_and_cover_all_rows_once(per_minute: list[int]) -> None:
    minutes = np.repeat(np.arange(len(per_minute)), per_minute)
    groups = parquet.row_groups(HOUR.start + minutes * MINUTE_NS)
    edges = [0, *(end for _, end in groups)]
    assert [start for start, _ in groups] == edges[:-1]
    assert edges[-1] == len(minutes)
    for start, end in groups[:-1]:
        assert ROW_GROUP_MIN <= end - start <= ROW_GROUP_MAX
        assert minutes[end] != minutes[end - 1]


def test_a_flipped_bit_is_refused_on_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write(path, table_of(depth_rows(300), DEPTH), DEPTH, {})
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(OSError, match=r"(?i)checksum|crc|page"):
        parquet.read(path)


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=8), max_size=5))
def test_texts_are_counted_as_they_first_appear_however_they_are_coded(
    chunks: list[list[str]],
) -> None:
    flat = [text for chunk in chunks for text in chunk]
    plain = pa.table({"it": pa.chunked_array([pa.array(it, pa.string()) for it in chunks] or [[]])})
    coded = pa.table(
        {"it": pa.chunked_array([pa.array(it, pa.string()).dictionary_encode() for it in chunks])}
        if chunks
        else {"it": pa.array([], pa.string()).dictionary_encode()}
    )
    for rows in (plain.cast(pa.schema([("it", pa.string())])), coded):
        known, places = parquet.texts(rows, "it")
        assert known == list(dict.fromkeys(flat))
        assert [known[place] for place in places] == flat
