"""Memory of a runtime and its venue at a high order rate: it stays what it was."""

import os
import statistics
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.live.test_session import IMPATIENT
from tests.live.trader import Trader, hurried_settings
from tests.live.venue import SimulatedVenue, until

ENDURING = (
    *IMPATIENT,
    # Losing the fees for an hour at the greatest rate must not end it.
    ("daily_loss", '{ trigger = 1_000_000, clear = 900_000, response = "pause" }'),
    ("order_rate", '{ trigger = 1_000_000, clear = 1_000, response = "pause" }'),
    ("cancel_rate", '{ trigger = 100_000_000, clear = 1_500_000, response = "pause" }'),
    ("message_rate", '{ trigger = 1_000_000, clear = 1_000, response = "pause" }'),
    ("drawdown", '{ trigger = 1_000_000, clear = 900_000, response = "pause" }'),
)
ORDERS_PER_S_MIN = 20
"""A fifth of what the settings allow."""
WITHIN_S = 180.0
PAGE = os.sysconf("SC_PAGESIZE")


class Trial(NamedTuple):
    """Trade for ``span_s``; memory at the end is that at ``settled_s`` but for ``share`` of it.

    The venue keeps ``history`` ended orders: as few as are there before it has settled, so that
    only a leak makes it grow.
    """

    settled_s: float
    span_s: float
    every_s: float
    share: float
    history: int


HOUR = Trial(settled_s=300, span_s=3600, every_s=10, share=0.05, history=5_000)
SHORT = Trial(settled_s=15, span_s=40, every_s=0.5, share=0.05, history=300)


class Sample(NamedTuple):
    """Resident memory in bytes, and the orders that the venue has seen, at a monotonic second."""

    at_s: float
    runtime: int
    venue: int
    orders: int


def resident(process: int) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE


def sampled(venue: SimulatedVenue, trader: Trader, log: Path, trial: Trial) -> list[Sample]:
    """Look at both again and again; each look is a line of ``log``."""
    began = time.monotonic()
    samples: list[Sample] = []
    with log.open("w", buffering=1) as lines:
        while not samples or samples[-1].at_s < trial.span_s:
            wanted = began + len(samples) * trial.every_s
            until(
                "time", trial.every_s + WITHIN_S, lambda wanted=wanted: time.monotonic() >= wanted
            )
            assert trader.process.poll() is None, "the runtime has ended"
            counts = venue.call("GET", "statistics")
            assert isinstance(counts, dict)
            at_s = time.monotonic() - began
            pids = trader.process.pid, venue.process.pid
            sample = Sample(at_s, *map(resident, pids), counts["orders"])
            samples.append(sample)
            lines.write(f"{at_s:.1f}\t{sample.runtime}\t{sample.venue}\t{sample.orders}\n")
    return samples


def middle(samples: list[Sample], begin_s: float, end_s: float) -> Sample:
    """Give the medians of the memory seen between two times, and the orders until the second."""
    among = [each for each in samples if begin_s <= each.at_s <= end_s]
    assert among, f"nothing was looked at between {begin_s} and {end_s} s"
    return Sample(
        among[-1].at_s,
        round(statistics.median(each.runtime for each in among)),
        round(statistics.median(each.venue for each in among)),
        among[-1].orders,
    )


def endure(folder: Path, trial: Trial) -> None:
    settings = hurried_settings(folder / "settings.toml", *ENDURING)
    with (
        SimulatedVenue(folder / "venue", "--history", str(trial.history)) as venue,
        Trader(folder / "data", settings, venue) as trader,
    ):
        until("quotes", WITHIN_S, trader.quotes)
        samples = sampled(venue, trader, folder / "memory.tsv", trial)
        trader.stop()
    width = trial.span_s / 12
    first = middle(samples, trial.settled_s, trial.settled_s + width)
    last = middle(samples, trial.span_s - width, trial.span_s + WITHIN_S)
    for who, before, after in (
        ("runtime", first.runtime, last.runtime),
        ("venue", first.venue, last.venue),
    ):
        assert abs(after - before) <= trial.share * before, (
            f"{who}: {before:,} bytes, then {after:,}"
        )
    assert last.orders - first.orders >= ORDERS_PER_S_MIN * (last.at_s - first.at_s), (
        "there was little to do"
    )


@pytest.mark.soak
def test_memory_hardly_grows_within_seconds_of_trading(tmp_path: Path) -> None:
    endure(tmp_path, SHORT)


@pytest.mark.soak
def test_memory_is_flat_over_an_hour_of_trading(tmp_path: Path) -> None:
    endure(tmp_path, HOUR)
