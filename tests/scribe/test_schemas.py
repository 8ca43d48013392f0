"""The published form of the lines is the one that is written."""

import json
from pathlib import Path
from threading import Event

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.scribe.journals import NOON, SECOND, Session, busy_session, instrument, sample
from tests.scribe.whole import lines_of
from trading_runtime.records.instruments import Scales
from trading_runtime.records.projection import events, line_schema, writer
from trading_runtime.records.units import Module, Revision, Seq
from trading_runtime.scribe import schemas
from trading_runtime.scribe.process import run
from trading_runtime.scribe.settings import LogLevels, ScribeSettings

ROOT = Path(__file__).parents[2]
ALL = LogLevels(system="DEBUG", marketdata="DEBUG", strategy="DEBUG", oms="DEBUG", risk="DEBUG")
VALIDATOR = Draft202012Validator(schemas.schema())
OF_EVENT = {
    event.name(): Draft202012Validator(line_schema(event, schemas.modules_of(event)))
    for event in events()
}
"""Each definition alone: to try all of them on each line takes minutes."""


def test_the_committed_schema_and_table_are_up_to_date() -> None:
    assert (ROOT / schemas.SCHEMA_PATH).read_text() == schemas.schema_text()
    assert (ROOT / schemas.TABLE_PATH).read_text() == schemas.table_text()


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schemas.schema())


def test_every_event_has_a_definition_and_a_section() -> None:
    definitions = schemas.schema()["$defs"]
    assert isinstance(definitions, dict)
    table = schemas.table_text()
    for event in events():
        assert definitions[event.name()] == line_schema(event, schemas.modules_of(event))
        assert f"\n## {event.name()}\n" in table


def test_every_line_that_scribe_writes_validates(tmp_path: Path) -> None:
    session = busy_session(tmp_path, "20240808T120000-aa", turns=100, step_ns=SECOND)
    session.every_event(1)
    session.close()
    run(tmp_path, ScribeSettings(levels=ALL), Event(), once=True, finish=True)
    seen: set[object] = set()
    for module in Module:
        for line in lines_of(tmp_path, module):
            read = json.loads(json.dumps(line, default=float))
            assert list(OF_EVENT[str(line["event"])].iter_errors(read)) == []
            seen.add(line["event"])
    assert len(seen) > len(events()) - 12


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=-(2**40), max_value=2**40), st.sampled_from(events()))
def test_a_line_of_any_event_validates_and_is_ascii(number: int, event: type) -> None:
    body = sample(event, number)
    scales = {Revision(1): Scales(instrument())}
    stream = schemas.modules_of(event)[0]
    line = writer(event, stream, "20240808T120000-aa", scales)(NOON, Seq(7), body)
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert list(OF_EVENT[event.__name__].iter_errors(json.loads(line))) == []


def test_one_definition_holds_for_a_line_and_no_other(tmp_path: Path) -> None:
    session = Session(tmp_path, "20240808T120000-aa").open()
    session.hand_over()
    run(tmp_path, ScribeSettings(), Event(), once=True)
    assert VALIDATOR.is_valid(lines_of(tmp_path, Module.SYSTEM)[0])


def test_a_line_with_a_wrong_or_missing_field_does_not_validate(tmp_path: Path) -> None:
    session = Session(tmp_path, "20240808T120000-aa").open()
    session.hand_over()
    run(tmp_path, ScribeSettings(), Event(), once=True)
    line = lines_of(tmp_path, Module.SYSTEM)[0]
    for wrong in (
        {key: value for key, value in line.items() if key != "version"},
        line | {"version": 1},
        line | {"more": 1},
        line | {"module": "oms"},
        line | {"event": "NothingKnown"},
    ):
        assert not VALIDATOR.is_valid(wrong)
