"""The documented examples, and how what the venue says is held against them.

Examples carry comments and lost commas where the documentation does; they are mended first.
"""

import re
from pathlib import Path
from typing import Any

import msgspec

COMMENT = re.compile(r"//[^\n]*")
LOST_COMMA = re.compile(r'(["\d\]}el])(\s*\n\s*)(["{\[])')
TRAILING = re.compile(r",(\s*[\]}])")


def example(shared_data: Path, name: str, line: int) -> Any:
    """Give the example on ``line``, from 1, of ``protocol/<name>_docs.jsonl``."""
    path = shared_data / "protocol" / f"binance_{name}_docs.jsonl"
    row = msgspec.json.decode(path.read_text().splitlines()[line - 1])
    return row["value"] if row["value"] is not None else mended(row["raw"])


def mended(raw: str) -> Any:
    text = COMMENT.sub("", raw.replace("\N{FULLWIDTH COMMA}", ","))
    text = re.sub(r",\s*,", ",", text)
    text = LOST_COMMA.sub(r"\1,\2\3", text)
    return msgspec.json.decode(TRAILING.sub(r"\1", text))


def differences(said: Any, documented: Any, spare: frozenset[str], at: str = "") -> list[str]:
    """Say where names or JSON types differ; fields in ``spare`` may be absent or be there.

    Of a list the first element stands for all.
    """
    if isinstance(documented, dict) and isinstance(said, dict):
        found = [
            f"{at}.{name} is {'missing' if name in documented else 'unknown'}"
            for name in sorted((documented.keys() ^ said.keys()) - spare)
        ]
        for name in documented.keys() & said.keys():
            found += differences(said[name], documented[name], spare, f"{at}.{name}")
        return found
    if isinstance(documented, list) and isinstance(said, list):
        if not documented or not said:
            return []
        return differences(said[0], documented[0], spare, f"{at}[]")
    if kind(said) != kind(documented) and None not in (said, documented):
        return [f"{at} is {kind(said)}, documented {kind(documented)}"]
    return []


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else type(value).__name__
