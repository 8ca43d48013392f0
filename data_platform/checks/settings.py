"""What the checks hold data against, for all instruments and for one.

Shares are millionths (``_ppm``); a rule whose measured value is above its limit is broken.
"""

from collections.abc import Mapping

import msgspec


class Thresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits of the rules that have one."""

    clock_ahead_ms: int = 5
    """A venue's time may be so far ahead of ours before a clock is wrong (NTP keeps 5 ms)."""
    clock_behind_ms: int = 60_000
    """And so far behind before a message was held up beyond use."""
    clock_offset_us_max: int = 5_000
    """By the venue's answers to what time it is: farther off, the hour is degraded."""
    clock_ppm_max: int = 1_000
    """Share of rows outside the two."""
    bad_clock_ppm_max: int = 100
    """Share of rows whose receive time had to be repeated."""
    bad_book_ppm_max: int = 100
    """Share of depth rows behind a break in the ids."""
    depth_silence_ms_max: int = 120_000
    """For a liquid pair 5 s are long; a thin one has minutes without a change."""
    trade_silence_ms_max: int = 900_000
    ticker_silence_ms_max: int = 300_000
    spread_ppm_max: int = 20_000
    """Of the mid; a liquid pair has some tens."""
    one_sided_ppm_max: int = 1_000
    """Share of depth messages after which the book has one side only."""
    unknown_delete_ppm_max: int = 500_000
    """Share of deletes of levels that are not in the book: a snapshot shows the best levels only,
    so some are; most of them would be a book that was never whole."""
    far_ppm: int = 500_000
    """A level is far when it is so much of the mid away from it."""
    far_ppm_max: int = 50_000
    """Share of levels that are far."""
    price_factor_max: int = 2
    """A price is impossible when it is so many times the hour's median, or so small a part."""
    jump_ppm_max: int = 20_000
    """From one trade, or from one minute's close to the next one's open."""
    size_factor_max: int = 100_000
    """A trade is listed when it is so many times the hour's median size."""
    band_deviations_max: int = 4
    """How many median absolute deviations an hour may be off the same hour of the days before."""
    off_book_ppm_max: int = 1_000
    """Share of trades outside the best bid and ask, widened by ``off_book_ppm`` of the price."""
    off_book_ppm: int = 1_000
    taker_side_ppm_max: int = 50_000
    """Share of trades on the wrong side of the book."""
    queue_ppm_max: int = 500_000
    """Share of sampled trades that are more than left their level: orders that come meanwhile
    hide some, and most of them would be trades of another book."""
    top_ppm_max: int = 10_000
    """Share of best bids and asks by the venue that are not those of the book."""
    fee_ppm_max: int = 2_000
    """Of the notional."""
    pair_ppm_max: int = 3_000
    """Between the minutes' closes of two instruments that are one."""


class QualitySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table ``[platform.quality]``."""

    off: tuple[str, ...] = ()
    """Rules that are not asked, by name: ``<table>.<rule>``, or ``<rule>`` for every table."""
    history_days: int = 14
    """The same hour of so many days before makes the band of what is usual."""
    history_days_min: int = 7
    """With fewer days there is no band, and nothing is unusual."""
    docs_days: int = 14
    """So many days of results have their pages in the Data Docs."""
    thresholds: Thresholds = Thresholds()
    instruments: Mapping[str, Mapping[str, int]] = {}
    """Limits of single instruments by their id (``<venue>:<symbol>``), over ``thresholds``."""
    numbered: tuple[str, ...] = ()
    """Venues whose public trades have the numbers that fills have; others sum trades up."""
    pairs: tuple[tuple[str, str], ...] = ()
    """Instruments that are one thing on two markets, by their ids: their prices are compared."""

    def __post_init__(self) -> None:
        for instrument in self.instruments:
            self.of(instrument)

    def of(self, instrument: str) -> Thresholds:
        """Give the limits of one instrument.

        Raises :exc:`msgspec.ValidationError` where a name is none of :class:`Thresholds`.
        """
        own = self.instruments.get(instrument, {})
        return msgspec.convert({**msgspec.structs.asdict(self.thresholds), **own}, Thresholds)

    def asks(self, table: str, rule: str) -> bool:
        return rule not in self.off and f"{table}.{rule}" not in self.off
