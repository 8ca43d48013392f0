"""The six streams: which lines, in which file, and what stands there after a death."""

import json
from pathlib import Path

import msgspec
import pytest

from tests.scribe.journals import NOON, SECOND, sample
from tests.scribe.whole import Line, lines_of, log_files, places
from trading_runtime.records.commands import CancelOrder, PlaceOrder, SetTimer
from trading_runtime.records.envelope import Body, Kind
from trading_runtime.records.facts_trading import PanicStopTriggered, QuotesDecided
from trading_runtime.records.inputs import OperatorCommanded, TimerFired, TurnEnded
from trading_runtime.records.units import Module, Nanos, Seq
from trading_runtime.scribe.entry import Entry
from trading_runtime.scribe.logs import Logs
from trading_runtime.scribe.settings import LogLevels, ScribeSettings

SESSION, OTHER = "20240808T120000-aa", "20240808T120000-bb"
DEBUG = ScribeSettings(levels=LogLevels(system="DEBUG", oms="DEBUG"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for session in (SESSION, OTHER):
        (tmp_path / "journal" / session).mkdir(parents=True)
    return tmp_path


def entry(seq: int, body: Body, session: str = SESSION, at: int = NOON) -> Entry:
    return Entry(session, Kind.OUTPUT, Seq(seq), Nanos(at), body)


def entries(count: int, event: type = PlaceOrder, first: int = 1) -> list[Entry]:
    return [entry(seq, sample(event, seq)) for seq in range(first, first + count)]


def write(data: Path, *batches: list[Entry], settings: ScribeSettings | None = None) -> None:
    logs = Logs(data, settings or ScribeSettings())
    for batch in batches:
        logs.take(batch, pressed=False)
        logs.flush()
    logs.close()


def seqs(data: Path, module: Module = Module.OMS) -> list[int]:
    return [seq for _, seq in places(lines_of(data, module))]


def forget_place(data: Path) -> None:
    """Put the place back to where it was before the first flush, as a crash leaves it."""
    (data / "scribe" / "logs.place.json").unlink()


def test_a_stream_has_what_reaches_its_level(data: Path) -> None:
    turn, timer = TurnEnded(), TimerFired(timer="x")
    batch = [entry(1, turn), entry(2, timer), entry(3, sample(SetTimer, 1))]
    write(data, batch)
    assert seqs(data, Module.SYSTEM) == []
    forget_place(data)
    write(data, batch, settings=DEBUG)
    assert seqs(data, Module.SYSTEM) == [2, 3]
    assert seqs(data, Module.MARKETDATA) == []


def test_what_people_did_and_panic_are_lines_of_the_audit_stream(data: Path) -> None:
    write(data, [entry(1, sample(OperatorCommanded, 1)), entry(2, sample(PanicStopTriggered, 1))])
    assert seqs(data, Module.AUDIT) == [1, 2]
    assert seqs(data, Module.RISK) == [2]
    assert {line["module"] for line in lines_of(data, Module.AUDIT)} == {"audit"}


def test_a_place_that_was_not_saved_doubles_no_line(data: Path) -> None:
    write(data, entries(5))
    forget_place(data)
    write(data, entries(9))
    assert seqs(data) == list(range(1, 10))


@pytest.mark.parametrize("cut", [1, 30, 200])
def test_a_torn_tail_is_cut_off_and_written_again(data: Path, cut: int) -> None:
    write(data, entries(5))
    forget_place(data)
    path = data / "logs" / "oms.log"
    path.write_bytes(path.read_bytes()[:-cut])
    write(data, entries(5))
    assert seqs(data) == [1, 2, 3, 4, 5]


def test_lines_of_several_sessions_are_told_apart_after_a_crash(data: Path) -> None:
    both = [
        entry(seq, sample(PlaceOrder, seq), name) for seq in (1, 2) for name in (SESSION, OTHER)
    ]
    write(data, both[:3])
    forget_place(data)
    write(data, both)
    assert places(lines_of(data, Module.OMS)) == [(it.session, it.seq) for it in both]


def test_an_hour_ends_its_file_also_of_a_quiet_stream(data: Path) -> None:
    late = NOON + 3600 * SECOND
    first = [entry(1, sample(PlaceOrder, 1)), entry(2, sample(QuotesDecided, 2))]
    write(data, [*first, entry(3, sample(PlaceOrder, 3), at=late)])
    assert [path.name for path in log_files(data, Module.OMS)] == [
        "oms-2024-08-08T12-001.jsonl",
        "oms.log",
    ]
    assert seqs(data) == [1, 3]
    assert (data / "logs" / "strategy.log").read_bytes() == b""
    assert (data / "logs" / "sealed" / "strategy-2024-08-08T12-001.jsonl").exists()


def test_going_back_to_an_hour_makes_it_one_more_file(data: Path) -> None:
    hours = [NOON, NOON + 3600 * SECOND, NOON]
    write(data, [entry(seq, sample(PlaceOrder, seq), at=at) for seq, at in enumerate(hours, 1)])
    assert [path.name for path in log_files(data, Module.OMS)] == [
        "oms-2024-08-08T12-001.jsonl",
        "oms-2024-08-08T13-001.jsonl",
        "oms.log",
    ]
    assert seqs(data) == [1, 2, 3]


def test_a_full_file_is_sealed_and_counted_on(data: Path) -> None:
    settings = ScribeSettings(log_bytes_max=1000)
    write(data, *(entries(3, first=first) for first in (1, 4, 7)), settings=settings)
    assert [path.name for path in log_files(data, Module.OMS)] == [
        "oms-2024-08-08T12-001.jsonl",
        "oms-2024-08-08T12-002.jsonl",
        "oms-2024-08-08T12-003.jsonl",
        "oms.log",
    ]
    assert seqs(data) == list(range(1, 10))


def test_a_number_is_not_given_again_when_its_file_has_been_compressed(data: Path) -> None:
    sealed = data / "logs" / "sealed"
    sealed.mkdir(parents=True)
    (sealed / "oms-2024-08-08T12-004.jsonl.zst").touch()
    logs = Logs(data, ScribeSettings())
    logs.take(entries(1), pressed=False)
    logs.finish()
    logs.close()
    assert (sealed / "oms-2024-08-08T12-005.jsonl").exists()


def test_another_session_may_end_the_hour_of_lines_that_are_read_again(data: Path) -> None:
    noon = [entry(seq, sample(PlaceOrder, seq), OTHER) for seq in (1, 2)]
    later = entry(1, sample(PlaceOrder, 1), SESSION, NOON + 3600 * SECOND)
    write(data, noon)
    forget_place(data)
    write(data, [later])
    assert seqs(data) == [1, 2, 1]
    write(data, noon)
    assert places(lines_of(data, Module.OMS)) == [(OTHER, 1), (OTHER, 2), (SESSION, 1)]


def gaps(data: Path) -> list[Line]:
    return [line for line in lines_of(data, Module.OMS) if line["event"] == "LogGap"]


def pressed_batch() -> list[Entry]:
    """Give a line, two of level DEBUG, a line, and two of level DEBUG."""
    debug = [sample(type_of_debug(), seq) for seq in range(7)]
    kept = sample(CancelOrder, 1)
    return [entry(seq, kept if seq in {1, 4} else debug[seq]) for seq in range(1, 7)]


def type_of_debug() -> type:
    from trading_runtime.records.commands import PaperFrame  # noqa: PLC0415 -- named once

    return PaperFrame


def press(data: Path) -> None:
    logs = Logs(data, DEBUG)
    logs.take(pressed_batch(), pressed=True)
    logs.flush()
    logs.close()


def test_under_pressure_only_debug_is_skipped_and_a_gap_says_so(data: Path) -> None:
    press(data)
    assert seqs(data) == [1, 2, 4]
    (gap,) = gaps(data)
    told = {key: gap[key] for key in ("level", "module", "seq", "first_seq", "last_seq", "count")}
    assert told == {
        "level": "WARN",
        "module": "oms",
        "seq": 2,
        "first_seq": 2,
        "last_seq": 6,
        "count": 4,
    }


def test_without_pressure_debug_is_written(data: Path) -> None:
    write(data, pressed_batch(), settings=DEBUG)
    assert seqs(data) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("lines", [1, 2, 3])
def test_a_gap_holds_also_after_a_crash_in_the_middle_of_it(data: Path, lines: int) -> None:
    press(data)
    forget_place(data)
    path = data / "logs" / "oms.log"
    whole = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(whole[:lines]))
    write(data, pressed_batch(), settings=DEBUG)
    if lines == 1:
        assert seqs(data) == [1, 2, 3, 4, 5, 6]
    else:
        assert path.read_bytes().splitlines(keepends=True) == whole


def test_levels_are_named_in_the_settings_and_audit_is_not() -> None:
    read = msgspec.convert({"levels": {"oms": "ERROR"}}, ScribeSettings)
    assert read.levels.by_module()[Module.OMS].name == "ERROR"
    for wrong in ({"levels": {"audit": "ERROR"}}, {"levels": {"oms": "LOUD"}}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, ScribeSettings)


def test_lines_are_json_with_the_fields_that_users_rely_on(data: Path) -> None:
    write(data, entries(1))
    line = json.loads((data / "logs" / "oms.log").read_text())
    assert line["ts"].endswith("Z")
    for field in ("module", "level", "event", "orderId", "side", "price", "qty", "symbol"):
        assert field in line
