"""Limits as a person writes them."""

import msgspec
import pytest

from tests.engine.world import ACCOUNT_LIMITS, INSTRUMENT, INSTRUMENT_LIMITS
from trading_runtime.errors import Refused
from trading_runtime.records.instruments import Scales
from trading_runtime.risk.limits import InstrumentLimits, Threshold, in_lots, order_limits

SCALES = Scales(INSTRUMENT)


def test_sizes_are_counted_in_lots_rounded_down() -> None:
    assert in_lots("x", "0.0019", SCALES) == 1
    assert in_lots("x", "12", SCALES) == 12_000
    limits = order_limits(INSTRUMENT_LIMITS, ACCOUNT_LIMITS, SCALES)
    assert (limits.inventory_max, limits.order_size_max) == (1_000, 500)


def test_less_than_a_lot_is_refused() -> None:
    with pytest.raises(Refused, match=r"order_size_max 0\.0009 is less than one lot"):
        in_lots("order_size_max", "0.0009", SCALES)


def test_no_limit_has_a_default_but_what_a_venue_adds() -> None:
    free = [each.name for each in msgspec.structs.fields(InstrumentLimits) if not each.required]
    assert free == ["reference", "position"]


def test_the_least_notional_is_counted_in_ticks_times_lots_rounded_up() -> None:
    filters = msgspec.structs.replace(INSTRUMENT, notional_min="5.00005")
    limits = order_limits(INSTRUMENT_LIMITS, ACCOUNT_LIMITS, Scales(filters))
    assert limits.notional_min == 50_001


@pytest.mark.parametrize(
    "text",
    [
        '{"trigger": 5, "clear": 6, "response": "pause"}',
        '{"trigger": 5, "clear": 4, "response": "shrug"}',
        '{"trigger": 5, "clear": 4, "response": "pause", "more": 1}',
        '{"trigger": 5, "response": "pause"}',
    ],
)
def test_a_threshold_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Threshold)


def test_a_size_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="plain decimal"):
        msgspec.structs.replace(INSTRUMENT_LIMITS, inventory_max="a lot")
