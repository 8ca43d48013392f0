"""Every venue's value fits together, and the codec knows the channels that it names."""

import pytest

from trading_runtime.core.venues.channel import StreamKind
from trading_runtime.core.venues.registry import VENUES, Venue


@pytest.mark.parametrize("venue", VENUES.values(), ids=VENUES.keys())
def test_the_channels_of_a_symbol_are_known_to_the_codec(venue: Venue) -> None:
    channels = venue.channels("BTCUSDT")
    assert {channel.kind for channel in channels} == {
        StreamKind.DEPTH,
        StreamKind.TICKER,
        StreamKind.TRADE,
    }
    for channel in channels:
        assert venue.codec.channel(channel.name.encode()) == channel
        assert channel.busy is (channel.kind is not StreamKind.TRADE)


def test_a_venue_is_found_by_its_name() -> None:
    assert all(name == venue.name for name, venue in VENUES.items())
