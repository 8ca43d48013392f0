"""The order's life, pair by pair: what each happening makes of each state, or that it cannot be."""

import pytest

from trading_runtime.records.lifecycle import (
    TERMINAL,
    TRANSITIONS,
    Happening,
    OrderState,
    next_state,
)

STATES = [
    "pending_new",
    "unknown_new",
    "open",
    "partially_filled",
    "pending_cancel",
    "unknown_cancel",
    "pending_amend",
    "unknown_amend",
    "filled",
    "cancelled",
    "rejected",
    "expired",
]
# One letter for each state above, in that order; "-" is impossible.
LETTERS = dict(zip("nuopcxamFCRE", STATES, strict=True))
GRID = """
accepted        o o o p c o a o F C - E
rejected        R R - - R R - - - - R -
filled_in_part  p p p p c x a m F C - E
filled_whole    F F F F F F F F F F - F
cancel_sent     c c c c c c c c - - - -
cancel_refused  - - o p x x - - F C R E
cancelled       C C C C C C C C - C - E
amend_sent      - - a a - - - - - - - -
amended         - - o p c x o o F C - E
amend_refused   - - o p c x o o F C - E
expired         E E E E E E E E - C - E
answer_lost     u u o p x x m m F C R E
proved_absent   - R - - C C - C F C R E
"""
PAIRS = [
    (state, line.split()[0], letter)
    for line in GRID.strip().splitlines()
    for state, letter in zip(STATES, line.split()[1:], strict=True)
]


def test_the_grid_names_every_pair() -> None:
    assert len(PAIRS) == len(OrderState) * len(Happening)
    assert {happening for _, happening, _ in PAIRS} == {each.value for each in Happening}


@pytest.mark.parametrize(("state", "happening", "letter"), PAIRS)
def test_a_happening_leads_where_the_grid_says(state: str, happening: str, letter: str) -> None:
    after = TRANSITIONS.get((OrderState(state), Happening(happening)))
    assert after == (None if letter == "-" else OrderState(LETTERS[letter]))


def test_what_has_ended_never_lives_again() -> None:
    for (state, _), after in TRANSITIONS.items():
        if state in TERMINAL:
            assert after in TERMINAL


def test_an_order_filled_in_part_is_not_called_open() -> None:
    after = next_state(OrderState.PENDING_AMEND, Happening.AMENDED, filled=True)
    assert after is OrderState.PARTIALLY_FILLED
    assert next_state(OrderState.PENDING_AMEND, Happening.AMENDED, filled=False) is OrderState.OPEN
    assert next_state(OrderState.FILLED, Happening.REJECTED, filled=True) is None
