"""Generated frames have the form of recorded ones to the byte, and the core reads them all."""

import gzip
import re
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import pytest

from trading_runtime.core.venues.binance.public import MarketCodec
from trading_runtime.core.venues.texts import Texts
from trading_runtime.market.instrument import Market
from trading_runtime.market.settings import MarketSettings
from trading_runtime.market.sync import SequenceRule
from trading_runtime.records.envelope import Output
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.units import Nanos, Revision
from trading_runtime.simulator.frames import Decimals
from trading_runtime.simulator.recording import recorded_lines
from trading_runtime.simulator.settings import FlowSettings, Venue

LEVELS = re.compile(r'\[(\["[\d.]+","[\d.]+"\],?)*\]')
NUMBER = re.compile(r"\d+")
TICKS: dict[Venue, tuple[str, str]] = {
    "binance-usdm": ("0.10", "0.001"),
    "binance-spot": ("0.01", "0.00001"),
}


def settings(venue: Venue) -> FlowSettings:
    tick, lot = TICKS[venue]
    return FlowSettings(seed=7, venue=venue, tick=tick, lot=lot)


def skeleton(message: str) -> str:
    """Give a message without its numbers, but with the decimals of its prices and sizes."""
    message = LEVELS.sub("[levels]", message).replace("@0ms", "@100ms").replace("true", "false")
    message = re.sub(r"\d+\.(\d+)", lambda match: f"N.{len(match[1])}", message)
    return NUMBER.sub("N", message)


def skeletons(messages: Iterable[bytes]) -> set[str]:
    return {skeleton(message.decode()) for message in messages}


@pytest.mark.parametrize("venue", list(TICKS))
def test_each_form_of_message_is_as_it_was_recorded(shared_data: Path, venue: Venue) -> None:
    folder = shared_data / "captures" / "hftbacktest_binance_20240808"
    with gzip.open(folder / venue.partition("-")[2] / "btcusdt_20240808.gz") as file:
        recorded = skeletons(line.partition(b" ")[2].rstrip() for line in islice(file, 3000))
    generated = skeletons(message for _, message in recorded_lines(settings(venue), 20))
    assert generated == recorded


@pytest.mark.parametrize("venue", list(TICKS))
def test_the_core_reads_all_of_it_into_one_gapless_book(venue: Venue) -> None:
    tick, lot = TICKS[venue]
    futures = venue == "binance-usdm"
    scales = Scales(
        Instrument(
            revision=Revision(1),
            venue=venue,
            symbol="BTCUSDT",
            base_asset="BTC",
            quote_asset="USDT",
            tick_size=tick,
            lot_size=lot,
            multiplier="1",
            money_scale=8,
        )
    )
    codec, texts = MarketCodec(linked=futures), Texts(scales)
    rule = SequenceRule.PREVIOUS if futures else SequenceRule.OVERLAP
    market = Market(scales, rule, MarketSettings())
    out: list[Output] = []
    for at, message in recorded_lines(settings(venue), 60):
        name = b"" if message.startswith(b'{"lastUpdateId"') else codec.stream_of(message)
        if not name:
            market.on_snapshot(codec.snapshot(message, texts), Nanos(at), out)
        elif b"@depth" in name:
            market.on_depth(codec.depth(name, texts)(message), Nanos(at), out)
        elif b"@trade" in name:
            market.on_trade(codec.trade(name, texts)(message), Nanos(at), out)
        else:
            market.on_ticker(codec.ticker(name, texts)(message), Nanos(at), out)
    assert Counter(output.name() for output in out) == {
        "RequestSnapshot": 1,
        "SetTimer": 1,
        "BookSynced": 1,
    }
    assert market.synced
    assert market.ticker_equal > 50
    assert market.ticker_different == 0


@pytest.mark.parametrize(
    ("step", "decimals_min", "count", "text"),
    [
        ("0.10", 0, 618002, "61800.20"),
        ("0.001", 0, 0, "0.000"),
        ("0.01", 8, 6183763, "61837.63000000"),
        ("10", 0, 7, "70"),
        ("0.5", 0, 3, "1.5"),
    ],
)
def test_counts_are_written_with_the_steps_decimals_or_more(
    step: str, decimals_min: int, count: int, text: str
) -> None:
    assert Decimals(step, decimals_min).text(count) == text
