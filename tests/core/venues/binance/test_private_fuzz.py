"""Whatever bytes come, the private reader tells something, nothing, or that it cannot read them."""

from collections.abc import Callable
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from tests.core.venues.binance.private_codec import (
    ORDER,
    Json,
    execution,
    packed,
    socket_answer,
    spot,
    update,
    usdm,
)
from tests.core.venues.binance.test_answers import limits, spot_order, usdm_order
from trading_runtime.core.venues.binance.private import PrivateCodec
from trading_runtime.errors import Misread

FILL = {"x": "TRADE", "X": "FILLED", "l": "0.014", "z": "0.014", "L": "61800.20", "t": 7}
SEEDS = [
    execution(),
    execution(**FILL, n="0.00001", N="BTC"),
    update(),
    update(**FILL, n="0.17", N="USDT"),
    socket_answer(ORDER, spot_order(), limits(1, 5)),
    socket_answer(f"{ORDER}-query1", usdm_order(), limits(1, 5)),
    packed({"e": "ACCOUNT_UPDATE", "T": 1, "a": {"m": "ORDER", "B": [], "P": []}}),
]
READERS = (spot, usdm)
WORDS = ["account", "open", "permissions", "terms", "fees", "instrument", "reference", "trades"]
VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)


@given(st.sampled_from(SEEDS), st.integers(0, 700), st.binary(max_size=3), st.sampled_from(READERS))
def test_a_damaged_frame_is_read_or_misread(
    seed: bytes, place: int, patch: bytes, reader: Callable[[], PrivateCodec]
) -> None:
    damaged = seed[:place] + patch + seed[place + len(patch) :]
    with suppress(Misread):
        assert isinstance(reader().frame(damaged), list)


@given(st.sampled_from([*WORDS, "order", ORDER]), VALUES, st.sampled_from([200, 400, 503]))
def test_any_answer_is_read_or_misread(word: str, body: Json, status: int) -> None:
    for make in READERS:
        request = word if word == ORDER else f"{word}-1-1"
        with suppress(Misread):
            assert isinstance(make().answer(request, status, (), packed(body)), list)
