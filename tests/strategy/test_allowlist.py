"""What a user's file may not say, each with its line; and what it may."""

from pathlib import Path

import pytest

from trading_runtime.errors import Refused
from trading_runtime.strategy.allowlist import BUILTINS, IMPORTS, check_source

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "strategies" / "two_sided.py"

IN_A_METHOD = """import math
class Mine:
    def quote(self, view, parameters, memory):
        {}
"""
IN_A_CLASS = """import math
class Mine:
    {}
"""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("import random", "imports random: a replay must decide the same: do without chance"),
        ("import time", "imports time: view.at is the time"),
        ("import datetime as d", "imports datetime: view.at is the time, in nanoseconds UTC"),
        ("import os", "imports os: take it as a parameter"),
        ("import os.path", "imports os.path: take it as a parameter"),
        ("import numpy", "imports numpy: use math: its sums differ from machine to machine"),
        ("import collections.abc", "imports collections.abc whole: write 'from collections.abc"),
        ("from socket import socket", "imports from socket: it is not on the list"),
        ("from . import other", "imports from .: it is not on the list"),
        ("from math import *", "imports math.*: it is not on the list"),
        ("from msgspec import defstruct", "imports msgspec.defstruct: it is not on the list"),
        ("from __future__ import annotations", "imports from __future__: it is not on the list"),
        ("from collections import _sys", "imports collections._sys: it is not on the list"),
        ("from trading_runtime.oms import diff", "imports from trading_runtime.oms: it is not"),
        ("STATE = []", "keeps a value that can change between calls: make it a tuple"),
        ("STATE: dict[str, int] = {}", "keeps a value that can change between calls"),
        ("STATE = (1, [2])", "keeps a value that can change between calls"),
        ("STATE = [0] * 10", "keeps a value that can change between calls"),
        ("STATE = dict(a=1)", "keeps a value that can change between calls"),
        ("STATE = (n for n in (1, 2))", "keeps a value that can change between calls"),
        ("from itertools import count; STATE = count()", "keeps a value that can change"),
        ("def inner(seen=[]): pass", "keeps a value that can change between calls"),
        ("def inner(*, seen={}): pass", "keeps a value that can change between calls"),
    ],
)
def test_a_line_of_the_module_is_refused(line: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        check_source(f"import math\n\n{line}\n", "mine.py")
    assert str(refused.value).startswith(f"mine.py:3: {said}")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("eval('1')", "uses eval: write the expression out"),
        ("exec('1')", "uses exec: write the code out"),
        ("open('x')", "uses open: a strategy opens nothing"),
        ("print(view)", "uses print: say it in Desired.reason"),
        ("__import__('os')", "uses __import__: names with two underscores"),
        ("__builtins__", "uses __builtins__: names with two underscores"),
        ("getattr(view, 'at')", "uses getattr: it is not on the list"),
        ("setattr(memory, 'at', 1)", "uses setattr: it is not on the list"),
        ("globals()", "uses globals: it is not on the list"),
        ("vars(self)", "uses vars: it is not on the list"),
        ("type(self)", "uses type: use isinstance"),
        ("id(view)", "uses id: it changes from run to run"),
        ("hash('a')", "uses hash: it changes from run to run"),
        ("set()", "uses set: its order changes from run to run"),
        ("frozenset()", "uses frozenset: its order changes from run to run"),
        ("{1, 2}", "makes a set: its order changes from run to run"),
        ("{n for n in (1, 2)}", "makes a set: its order changes from run to run"),
        ("().__class__", "reads .__class__: it leads out of the strategy"),
        ("f'{view.__dict__}'", "reads .__dict__: it leads out of the strategy"),
        ("(n for n in ()).gi_frame", "reads .gi_frame: it leads out of the strategy"),
        ("'{0.at}'.format(view)", "calls .format: use an f-string"),
        ("math.nothing", "uses math.nothing: it is not on the list"),
        ("math.__loader__", "reads .__loader__: it leads out of the strategy"),
        ("m = math", "uses the module math as a value: write math.name"),
        ("global N", "changes N for all calls: keep it in Memory"),
        ("self.count = 1", "changes self between calls: keep it in Memory"),
        ("self.counts[0] += 1", "changes self between calls: keep it in Memory"),
        ("del self.count", "changes self between calls: keep it in Memory"),
        ("Mine.count = 1", "changes Mine between calls: keep it in Memory"),
        ("math.pi = 3", "changes math between calls: keep it in Memory"),
        ("async def later(): pass", "waits: a strategy answers at once"),
    ],
)
def test_a_line_of_a_method_is_refused(line: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        check_source(IN_A_METHOD.format(line), "mine.py")
    assert str(refused.value).startswith(f"mine.py:4: {said}")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("seen = []", "keeps a value that can change between calls"),
        ("price: 'int' = 1", "has a type in quotes: write the type itself"),
        ("prices: 'tuple[int, ...]' = ()", "has a type in quotes"),
        ("price: tuple['int'] = ()", "has a type in quotes"),
        ("def __init__(self): pass", "defines __init__: keep state in Memory"),
        ("def __getattr__(self, name): pass", "defines __getattr__: keep state in Memory"),
    ],
)
def test_a_line_of_a_class_is_refused(line: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        check_source(IN_A_CLASS.format(line), "mine.py")
    assert str(refused.value).startswith(f"mine.py:3: {said}")


def test_a_pattern_that_reads_the_languages_own_is_refused() -> None:
    source = "def seen(x):\n    match x:\n        case int(__class__=c):\n            return c\n"
    with pytest.raises(Refused, match=r"^mine\.py:3: reads \.__class__"):
        check_source(source, "mine.py")


def test_catching_everything_is_refused() -> None:
    source = "def seen():\n    try:\n        return 1\n    except:\n        return 2\n"
    with pytest.raises(Refused, match=r"^mine\.py:4: catches everything"):
        check_source(source, "mine.py")


@pytest.mark.parametrize("source", ["def :", "x = \0"])
def test_what_is_not_python_is_refused_with_its_line(source: str) -> None:
    with pytest.raises(Refused, match=r"^mine\.py:1: not Python"):
        check_source(source, "mine.py")


def test_the_first_line_that_is_wrong_is_named() -> None:
    with pytest.raises(Refused, match=r"^mine\.py:2: uses open"):
        check_source("X = 1\nY = open(X)\nimport os\n", "mine.py")


PLAIN = """
import itertools
import math as m
from dataclasses import dataclass
from typing import Literal

HALF = m.sqrt(2) / 2
LEVELS = (1, 2, 3)

@dataclass
class Sum:
    way: Literal["up", "down"] = "up"
    total: int = 0

    def add(self, amount):
        self.total += amount

class Mine:
    def quote(self, view, parameters, memory):
        memory.seen[1] = [x for x in LEVELS]
        memory.count += 1
        try:
            return self._own(sum=1 // 0)
        except ZeroDivisionError:
            return list(itertools.pairwise(LEVELS))
"""


def test_plain_code_passes() -> None:
    check_source(PLAIN, "mine.py")


def test_the_example_and_the_shipped_grid_pass() -> None:
    check_source(EXAMPLE.read_text(), str(EXAMPLE))
    check_source((ROOT / "trading_runtime/strategy/grid.py").read_text(), "grid.py")


def test_the_page_for_users_names_all_that_may_be_used() -> None:
    page = (ROOT / "docs/strategy.md").read_text()
    whole = ("bisect", "itertools", "math")
    missing = [name for name in BUILTINS if f"`{name}`" not in page]
    missing += [module for module in IMPORTS if f"`{module}`" not in page]
    missing += [
        name
        for module, names in IMPORTS.items()
        if module not in whole
        for name in sorted(names)
        if f"`{name}`" not in page
    ]
    assert missing == []
