"""A minute's segment and file: whatever is cut off, whole batches stand once."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scribe.journals import NOON, instrument
from trading_runtime.market.events import TradePrinted
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.lake_schema import KEY_INSTRUMENTS, TRADES, read_instruments
from trading_runtime.records.units import Lots, Nanos, Revision, Seq, Ticks
from trading_runtime.scribe.minute import Minute
from trading_runtime.scribe.rows import Arrival, Origin, Origins, TradeRows
from trading_runtime.store import parquet

MINUTE = NOON // 60_000_000_000
SESSION, OTHER = "20240808T120000-aa", "20240808T120000-bb"


def lookup(_session: str, revision: Revision) -> Instrument:
    return instrument(revision)


def batch(*seqs: int, session: str = SESSION, at: int = NOON) -> pa.RecordBatch:
    rows, origins = TradeRows(), Origins()
    number = origins.number(Origin("binance-usdm:BTCUSDT", Revision(1), session))
    for seq in seqs:
        event = TradePrinted(Revision(1), Nanos(0), seq, Ticks(5), Lots(6), True, True)
        rows.add(Arrival(Nanos(at + seq), Seq(seq), number), event)
    return rows.take(origins)


def segment(data: Path) -> Path:
    return data / "lake" / "trades" / "2024-08-08" / "12" / "00.arrows.open"


def written(data: Path) -> list[int]:
    return parquet.read(segment(data).with_name("00.parquet")).column("seq").to_pylist()


def open_minute(data: Path) -> Minute:
    return Minute(data, TRADES, MINUTE)


def test_batches_become_a_file_and_the_segment_goes(tmp_path: Path) -> None:
    minute = open_minute(tmp_path)
    minute.append(batch(1, 2), sync=True)
    minute.append(batch(3), sync=False)
    assert segment(tmp_path).exists()
    minute.close(lookup, batch(4))
    assert written(tmp_path) == [1, 2, 3, 4]
    assert not segment(tmp_path).exists()
    path = segment(tmp_path).with_name("00.parquet")
    assert read_instruments(parquet.metadata(path)[KEY_INSTRUMENTS]) == [instrument()]


def test_a_minute_without_a_row_is_no_file(tmp_path: Path) -> None:
    open_minute(tmp_path).close(lookup)
    assert not segment(tmp_path).parent.exists()


def test_an_opened_minute_knows_what_stands_in_it(tmp_path: Path) -> None:
    minute = open_minute(tmp_path)
    minute.close(lookup, batch(1, 2))
    minute = open_minute(tmp_path)
    minute.append(batch(4, session=OTHER), sync=True)
    minute.leave()
    assert open_minute(tmp_path).present == {SESSION: 2, OTHER: 4}


def test_a_file_and_a_segment_are_merged_in_the_order_of_arrival(tmp_path: Path) -> None:
    open_minute(tmp_path).close(lookup, batch(1, 5))
    open_minute(tmp_path).close(lookup, batch(3, session=OTHER))
    assert written(tmp_path) == [1, 3, 5]


def test_a_death_between_rename_and_removal_doubles_nothing(tmp_path: Path) -> None:
    minute = open_minute(tmp_path)
    minute.append(batch(1, 2), sync=True)
    minute.leave()
    left = segment(tmp_path).read_bytes()
    minute.close(lookup)
    before = segment(tmp_path).with_name("00.parquet").read_bytes()
    segment(tmp_path).write_bytes(left)
    open_minute(tmp_path).close(lookup)
    assert segment(tmp_path).with_name("00.parquet").read_bytes() == before
    assert not segment(tmp_path).exists()


@settings(max_examples=40, deadline=None)
@given(st.floats(min_value=0, max_value=1))
def test_a_segment_cut_anywhere_gives_its_whole_batches_and_goes_on(
    tmp_path_factory: pytest.TempPathFactory, share: float
) -> None:
    data = tmp_path_factory.mktemp("cut")
    minute = open_minute(data)
    ends = []
    for seq in range(1, 6):
        minute.append(batch(seq), sync=False)
        ends.append(segment(data).stat().st_size)
    minute.leave()
    content = segment(data).read_bytes()
    cut = int(share * len(content))
    segment(data).write_bytes(content[:cut])
    again = open_minute(data)
    whole = sum(end <= cut for end in ends)
    assert again.present == ({SESSION: whole} if whole else {})
    again.append(batch(6), sync=False)
    again.close(lookup)
    assert written(data) == [*range(1, whole + 1), 6]


@pytest.mark.parametrize("tail", [b"\0" * 64, b"\xff" * 64])
def test_bytes_that_a_power_cut_left_are_cut_off(tmp_path: Path, tail: bytes) -> None:
    minute = open_minute(tmp_path)
    minute.append(batch(1), sync=True)
    minute.leave()
    with segment(tmp_path).open("ab") as file:
        file.write(tail)
    again = open_minute(tmp_path)
    again.append(batch(2), sync=True)
    again.close(lookup)
    assert written(tmp_path) == [1, 2]
