"""The Parquet beside the bundles: derived from the entries, and checked against them."""

import io
from datetime import UTC, datetime
from hashlib import sha256

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.store.cold.small_log import SmallLog
from trading_runtime.errors import Misread
from trading_runtime.evidence import entry, submission
from trading_runtime.evidence.submission import Deed
from trading_runtime.records import merkle
from trading_runtime.store.cold import columns

FIRST = 65_536


def packed(rows: pa.Table) -> bytes:
    target = io.BytesIO()
    pq.write_table(rows, target, store_schema=False)
    return target.getvalue()


def test_each_row_tells_what_its_entry_says(small: SmallLog) -> None:
    rows = columns.read(columns.write(FIRST, small.entries)).to_pylist()
    assert len(rows) == 300
    for n, (row, data) in enumerate(zip(rows, small.entries, strict=True)):
        it = entry.read(data)
        text = row["event_time"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        assert (row["index"], row["canonical"]) == (FIRST + n, data)
        assert (row["entity_id"], row["version"]) == (it.entity_id, it.version)
        assert (row["event_id"], text, row["event_type"]) == (
            it.event_id,
            it.event_time,
            it.event_type,
        )
        assert (row["service_name"], row["operation"]) == (it.service_name, it.operation)
        assert (row["user_id"], row["trace_id"]) == (it.user_id, it.trace_id)
        assert row["client_ip"] is None
        assert (row["producer_id"], row["producer_boot"]) == ("runtime", "boot-1")
        assert row["producer_seq"] == n + 1
        assert row["current_hash"] == sha256(data).hexdigest()
        assert row["leaf_hash"] == merkle.leaf_hash(data)


def test_equal_entries_make_equal_bytes(small: SmallLog) -> None:
    content = columns.write(FIRST, small.entries)
    assert columns.write(FIRST, list(small.entries)) == content
    columns.check(content, FIRST, small.entries)


def test_a_file_of_others_with_the_same_rows_is_as_good(small: SmallLog) -> None:
    rows = columns.rows_of(FIRST, small.entries)
    columns.check(packed(rows), FIRST, small.entries)


@pytest.mark.parametrize("name", columns.SCHEMA.names)
def test_a_value_that_was_edited_is_named(small: SmallLog, name: str) -> None:
    rows = columns.rows_of(FIRST, small.entries)
    values = rows.column(name).to_pylist()
    values[7] = next(it for it in [*values, "forged"] if it != values[7])
    place = rows.schema.get_field_index(name)
    edited = rows.set_column(
        place, rows.schema.field(place), pa.array(values, rows.schema.field(place).type)
    )
    with pytest.raises(Misread, match=f"entry {FIRST + 7}: {name} is not that of the entry"):
        columns.check(packed(edited), FIRST, small.entries)


def test_rows_that_are_missing_or_too_many_are_seen(small: SmallLog) -> None:
    content = columns.write(FIRST, small.entries)
    with pytest.raises(Misread, match="300 rows instead of 299"):
        columns.check(content, FIRST, small.entries[:-1])


def test_another_column_is_refused(small: SmallLog) -> None:
    rows = columns.rows_of(FIRST, small.entries)
    more = rows.append_column("more", pa.array(range(300)))
    with pytest.raises(Misread, match="the columns are not those"):
        columns.check(packed(more), FIRST, small.entries)


def test_bytes_behind_the_footer_and_flipped_ones_are_refused(small: SmallLog) -> None:
    content = columns.write(FIRST, small.entries)
    with pytest.raises(Misread, match="parquet"):
        columns.check(content + b"more", FIRST, small.entries)
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    with pytest.raises(Misread):
        columns.check(bytes(flipped), FIRST, small.entries)


def test_what_is_no_entry_makes_no_row() -> None:
    with pytest.raises(Misread):
        columns.write(0, [b"{}"])


@settings(max_examples=50, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.datetimes(datetime(1000, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 -- as it asks
    st.integers(1, 2**53 - 1),
)
@example("\0\N{ZERO WIDTH SPACE}\U0010ffff", datetime(1000, 1, 1, tzinfo=UTC), 2**53 - 1)
@example("", datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), 1)
def test_whatever_an_entry_may_say_fits_its_columns(
    text: str, moment: datetime, number: int
) -> None:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    micros = (since.days * 86_400 + since.seconds) * 10**6 + since.microseconds
    deed = Deed(
        event_id=submission.event_id("session", 1, 0),
        event_time_ns=micros * 1_000,
        service_name=text,
        event_type=text,
        trace_id=text,
        user_id=text,
        entity_id="order:1",
        client_ip=text,
        operation=text,
        before_state=None,
        after_state={text: number},
        request_data=None,
    )
    data = submission.write(deed, "runtime", "boot", number, None)
    sealed = entry.seal(data, entry.genesis("origin", "order:1"), number)
    content = columns.write(number, [sealed])
    columns.check(content, number, [sealed])
    (row,) = columns.read(content).to_pylist()
    assert (row["user_id"], row["event_time"]) == (text, moment)
    assert (row["version"], row["producer_seq"], row["index"]) == (number, number, number)
