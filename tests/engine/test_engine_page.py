"""The page about the engine says what the table of an order's life says."""

from pathlib import Path

from trading_runtime.records.lifecycle import TRANSITIONS, Happening, OrderState

PAGE = Path(__file__).parents[2] / "docs" / "engine.md"


def said(cells: list[str], states: list[OrderState]) -> list[OrderState | None]:
    """Read one row: a state's name, ``same``, ``alarm`` or an arrow to the cell on the left."""
    read: list[OrderState | None] = []
    for cell, state in zip(cells, states, strict=True):
        if cell == "←":
            read.append(read[-1])
        elif cell == "alarm":
            read.append(None)
        else:
            read.append(state if cell == "same" else named(cell))
    return read


def named(cell: str) -> OrderState:
    return OrderState(cell.replace("part.", "partially").replace(" ", "_"))


def rows() -> list[list[str]]:
    section = PAGE.read_text().split("## An order's life")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|") and "---" not in line]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_on_the_page_is_the_table_in_the_code() -> None:
    head, *body = rows()
    states = [named(cell) for cell in head[1:]]
    for row in body:
        happening = Happening(row[0].replace(" ", "_"))
        assert said(row[1:], states) == [TRANSITIONS.get((state, happening)) for state in states]
    assert len(body) * len(states) == len(Happening) * len(OrderState)
