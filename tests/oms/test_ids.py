"""Client order ids: short, plain, never used again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.errors import Halt, Refused
from trading_runtime.oms.ids import PLACES, ClientIds, base36
from trading_runtime.records.units import Seq


@given(st.integers(0, 2**64))
def test_base_36_reads_back(number: int) -> None:
    assert int(base36(number), 36) == number


def test_an_id_is_at_most_32_letters_and_digits() -> None:
    ids = ClientIds("owner")
    ids.open_session("nonce123")
    ids.begin(Seq(2**63 - 1))
    order = ids.next()
    assert len(order) <= 32
    assert order.isalnum()
    assert order.startswith("ownernonce123")


def test_no_two_inputs_or_places_share_an_id() -> None:
    ids = ClientIds("td")
    ids.open_session("nonce123")
    seen = set()
    for seq in range(1, 100):
        ids.begin(Seq(seq))
        seen |= {ids.next() for _ in range(40)}
    assert len(seen) == 99 * 40


def test_a_runaway_is_halted() -> None:
    ids = ClientIds("td")
    ids.begin(Seq(1))
    for _ in PLACES:
        ids.next()
    with pytest.raises(Halt):
        ids.next()


@pytest.mark.parametrize("nonce", ["", "short", "with-hyp", "toolongnonce"])
def test_a_nonce_of_another_form_is_refused(nonce: str) -> None:
    with pytest.raises(Refused):
        ClientIds("td").open_session(nonce)


@pytest.mark.parametrize(
    ("order", "ours"),
    [
        ("tdnonce1230a00", True),
        ("td-by-hand", False),
        ("axnonce1230a00", False),
        ("autoclose-1", False),
        ("", False),
    ],
)
def test_ours_is_what_begins_with_our_prefix_and_has_no_other_sign(
    order: str, *, ours: bool
) -> None:
    assert ClientIds("td").owns(order) is ours
