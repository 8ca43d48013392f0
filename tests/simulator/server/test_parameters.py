"""Reading parameters: whatever is not read, or not of its form, is refused."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.simulator.exchange.words import Side, VenueError
from trading_runtime.simulator.server.parameters import Parameters, form_parameters

NAMES = st.text("abcXYZ", min_size=1, max_size=5)
BAD = (-1117, "Invalid side.")


def code(act: object) -> int:
    assert callable(act)
    with pytest.raises(VenueError) as refused:
        act()
    return refused.value.code


@given(st.dictionaries(NAMES, st.text(max_size=8), max_size=6))
def test_a_form_gives_back_what_was_encoded(sent: dict[str, str]) -> None:
    assert form_parameters(urlencode(sent), "") == sent
    assert form_parameters("", urlencode(sent)) == sent


@given(st.dictionaries(NAMES, st.text("ab", min_size=1), max_size=6), st.sets(NAMES, max_size=6))
def test_exactly_what_nobody_read_is_refused(sent: dict[str, str], read: set[str]) -> None:
    parameters = Parameters(sent)
    for name in sorted(read):
        parameters.maybe(name)
    if sent.keys() <= read:
        parameters.finish()
    else:
        assert code(parameters.finish) == -1104


def test_the_query_string_wins_over_the_form() -> None:
    assert form_parameters("a=1", "a=2&b=3") == {"a": "1", "b": "3"}


def test_each_reader_refuses_what_is_not_of_its_form() -> None:
    parameters = Parameters({"text": "x y", "empty": "", "number": "1.5", "flag": "maybe"})
    assert code(lambda: parameters.text("absent")) == -1102
    assert code(lambda: parameters.text("empty")) == -1102
    assert code(lambda: parameters.maybe("empty")) == -1105
    assert code(lambda: parameters.whole("number")) == -1100
    assert code(lambda: parameters.client_id("text")) == -1100
    assert code(lambda: parameters.flag("flag")) == -1100
    assert code(lambda: parameters.word("text", Side, BAD)) == -1117
    assert code(parameters.symbol) == -1102
    assert parameters.decimal("number") == "1.5"
    assert parameters.decimal("absent") is None


def test_what_belongs_to_the_gate_needs_no_reader() -> None:
    Parameters({"timestamp": "1", "recvWindow": "2", "signature": "3", "apiKey": "4"}).finish()
