"""A user's own file becomes a strategy, or one line says why not."""

from pathlib import Path

import msgspec
import pytest

from tests.strategy.views import VIEW, view
from trading_runtime.errors import Refused
from trading_runtime.records.units import Side
from trading_runtime.strategy.grid import Grid, GridMemory
from trading_runtime.strategy.interface import Desired, Quote, Strategy
from trading_runtime.strategy.loading import Malformed, complaint, load, shipped

EXAMPLE = Path(__file__).parents[2] / "examples" / "strategies" / "two_sided.py"
MINE = """
import msgspec
from trading_runtime.strategy.interface import Desired, Quote
from trading_runtime.records.units import Side

class Mine:
    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        size: int = 1

    class Memory(msgspec.Struct):
        turns: int = 0

    def quote(self, view, parameters, memory):
        memory.turns += 1
        return Desired(quotes=(), fair_micro=view.microprice_micro, reason="none")
"""


def example() -> tuple[Strategy, msgspec.Struct, msgspec.Struct]:
    strategy = load(EXAMPLE.read_text(), "TwoSided", "two_sided.py")
    table = {"distance_ticks": 2, "size_lots": 10, "lean_ticks": 4}
    return strategy, msgspec.convert(table, strategy.Parameters), strategy.Memory()


def mine(change: str = "", to: str = "") -> Strategy:
    assert change in MINE
    source = MINE.replace(change, to)
    if "m.nan" in to:
        source = "import math as m" + source
    return load(source, "Mine", "mine.py")


def returning(expression: str) -> Strategy:
    return mine('Desired(quotes=(), fair_micro=view.microprice_micro, reason="none")', expression)


def test_the_example_quotes_both_sides() -> None:
    strategy, parameters, memory = example()
    desired = strategy.quote(VIEW, parameters, memory)
    assert desired.quotes == (Quote(Side.BUY, 998, 10), Quote(Side.SELL, 1_003, 10))
    leaning = strategy.quote(view(inventory=500), parameters, strategy.Memory(inventory=500))
    assert [quote.price for quote in leaning.quotes] == [996, 1_001]


def test_the_example_rests_from_the_side_that_was_hit() -> None:
    strategy, parameters, memory = example()
    hit = strategy.quote(view(inventory=10), parameters, memory)
    assert [quote.side for quote in hit.quotes] == [Side.SELL]
    after = strategy.quote(view(inventory=10, seconds=1), parameters, memory)
    assert [quote.side for quote in after.quotes] == [Side.BUY, Side.SELL]


def test_the_one_on_the_page_for_users_quotes() -> None:
    page = (EXAMPLE.parents[2] / "docs" / "strategy.md").read_text()
    source = page.partition("```python\n")[2].partition("```")[0]
    strategy = load(source, "OneBid", "strategy.md")
    desired = strategy.quote(VIEW, strategy.Parameters(), strategy.Memory())
    assert desired.quotes == (Quote(Side.BUY, 998, 1),)


def test_the_shipped_grid_is_known_by_its_name() -> None:
    strategy = shipped("grid")
    assert isinstance(strategy, Grid)
    assert strategy.Memory is GridMemory
    with pytest.raises(Refused, match="no strategy 'girds' is shipped: grid, or FILE:CLASS"):
        shipped("girds")


def test_memory_is_carried_and_given_back() -> None:
    strategy = mine()
    memory = strategy.Memory()
    strategy.quote(VIEW, strategy.Parameters(), memory)
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(memory), type=strategy.Memory)
    assert again == memory
    assert again != strategy.Memory()


@pytest.mark.parametrize(
    ("change", "to", "said"),
    [
        ("class Mine:", "class Yours:", "mine.py:1: there is no class Mine: the classes are Yours"),
        ("class Parameters", "class Settings", "mine.py:6: Mine has no struct Parameters"),
        ("class Memory", "class Notes", "mine.py:6: Mine has no struct Memory"),
        ("class Memory(msgspec.Struct)", "class Memory", "mine.py:6: Mine has no struct Memory"),
        ("frozen=True, ", "", "mine.py:6: Parameters may change or take unknown names"),
        (", forbid_unknown_fields=True", "", "mine.py:6: Parameters may change or take unknown"),
        ("size: int = 1", "size: bisect.bisect = 1", "mine.py:8: it cannot be loaded: NameError"),
        ("size: int = 1", "size: range = range(1)", "mine.py:6: Parameters cannot be read from"),
        ("(msgspec.Struct):", "(msgspec.Struct, frozen=True):", "mine.py:6: Memory is frozen"),
        ("turns: int = 0", "turns: int", "mine.py:6: Memory() cannot be carried"),
        ("turns: int = 0", "turns: range = range(1)", "mine.py:6: Memory() cannot be carried"),
        ("turns: int = 0", "turns: str = 0", "mine.py:6: Memory() cannot be carried"),
        ("turns: int = 0", "turns: float = m.nan", "mine.py:6: Memory() does not come back"),
        ("def quote(self, view, ", "def quote(self, ", "mine.py:6: Mine has no method quote"),
        ("def quote", "def quotes", "mine.py:6: Mine has no method quote"),
        (
            "import msgspec\n",
            "import msgspec\nX = 1 // 0\n",
            "mine.py:3: it cannot be loaded: Zero",
        ),
        ("import msgspec\n", "import msgspec, os\n", "mine.py:2: imports os"),
    ],
)
def test_what_the_engine_could_not_rely_on_is_refused(change: str, to: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        mine(change, to)
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("None", "quote() returned NoneType, not Desired"),
        ("Desired(quotes=(), fair_micro=1.5, reason='')", "fair_micro is no int"),
        ("desired((Side.BUY, 1, 1))", "is no Quote(side, price, size)"),
        ("desired(Quote('buy', 1, 1))", "is no Quote(side, price, size)"),
        ("desired(Quote(Side.BUY, 1.0, 1))", "must be whole ticks and lots, not 1.0, 1"),
        ("desired(Quote(Side.BUY, 1, True))", "must be whole ticks and lots, not 1, True"),
        ("desired(Quote(Side.BUY, 0, 1))", "must be positive, not 0, 1"),
        ("desired(Quote(Side.BUY, 1, -1))", "must be positive, not 1, -1"),
        ("desired(Quote(Side.SELL, 5, 1), Quote(Side.BUY, 5, 1))", "bid 5 is not below ask 5"),
    ],
)
def test_what_is_no_set_of_quotes_is_raised_not_traded(expression: str, said: str) -> None:
    wrapped = expression.replace("desired(", "Desired(fair_micro=1, reason='', quotes=(", 1)
    strategy = returning(wrapped[:-1] + ",))" if wrapped != expression else expression)
    with pytest.raises(Malformed) as malformed:
        strategy.quote(VIEW, strategy.Parameters(), strategy.Memory())
    assert said in str(malformed.value)


def test_two_good_sides_are_no_complaint() -> None:
    quotes = (Quote(Side.BUY, 5, 1), Quote(Side.BUY, 4, 1), Quote(Side.SELL, 6, 1))
    assert not complaint(Desired(quotes=quotes, fair_micro=1, reason=""))
