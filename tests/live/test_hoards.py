from collections.abc import Callable

import msgspec
import pytest

from tests.live.hoards import Look


class Keeper(msgspec.Struct):
    kept: dict[int, int]


@pytest.mark.parametrize("wrap", [lambda keeper: keeper.kept, lambda keeper: keeper])
def test_a_container_that_grows_is_found_wherever_it_is_held(
    wrap: Callable[[Keeper], object],
) -> None:
    keeper = Keeper({0: 0})
    nested = [wrap(keeper)]
    look = Look()
    assert not [hoard for hoard in look.grown(500) if hoard.kind == "dict"]
    keeper.kept.update((number, number) for number in range(1_000))
    found = [hoard for hoard in look.grown(500) if (hoard.before, hoard.after) == (1, 1_000)]
    assert [hoard.kind for hoard in found] == ["dict"]
    assert nested


def test_what_is_replaced_in_place_is_no_growth() -> None:
    window = list(range(1_000))
    look = Look()
    window[:] = range(1_000, 2_000)
    assert not [hoard for hoard in look.grown(100) if hoard.kind == "list"]
