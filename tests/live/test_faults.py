"""Faults of venue, lines, account and process: what is required of each, and all invariants.

``make test`` takes each kind once, one after another in one session for each room of faults, and
holds the invariants at its end. ``make soak`` (``pytest -m soak tests/live/test_faults.py``) takes
each kind alone in a session of its own, for each of SEEDS. A pair that ever failed stands in
``failing_seeds.toml`` and is always run.
"""

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live.account_faults import ACCOUNT_FAULTS
from tests.live.market_faults import MARKET_FAULTS
from tests.live.ordeal import Ordeal
from tests.live.order_faults import ORDER_FAULTS

SEEDS = range(1, 9)
KINDS = {fault.__name__: fault for fault in (*MARKET_FAULTS, *ORDER_FAULTS, *ACCOUNT_FAULTS)}
FAILED = tomllib.loads(Path(__file__).with_name("failing_seeds.toml").read_text())["failed"]
Shared = Callable[[], Ordeal]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """Give the session that faults share; another one where the last was given up."""
    ordeals: list[Ordeal] = []

    def give() -> Ordeal:
        if not ordeals or ordeals[-1].trader.process.poll() is not None:
            ordeals.append(Ordeal(tmp_path_factory.mktemp("shared"), seed=len(ordeals)).__enter__())
        return ordeals[-1]

    yield give
    for ordeal in ordeals:
        ordeal.__exit__()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_required_of_a_fault_happens(kind: str, shared: Shared) -> None:
    ordeal = shared()
    try:
        ordeal.through(KINDS[kind])
    except BaseException:
        # What comes next shall not be blamed for what is left of this one.
        ordeal.trader.__exit__()
        raise


def test_the_invariants_hold_after_all_of_them(shared: Shared) -> None:
    shared().ends()


@pytest.mark.parametrize(("kind", "seed"), [(each["kind"], each["seed"]) for each in FAILED])
def test_what_failed_once_does_not_fail_again(kind: str, seed: int, tmp_path: Path) -> None:
    alone(kind, seed, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_alone_leaves_all_invariants(kind: str, seed: int, tmp_path: Path) -> None:
    alone(kind, seed, tmp_path)


def alone(kind: str, seed: int, folder: Path) -> None:
    with Ordeal(folder, seed) as ordeal:
        ordeal.through(KINDS[kind])
        ordeal.ends()
