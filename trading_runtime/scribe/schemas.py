"""Writes what the log lines look like, for those who read them: JSON Schema and a field table.

``python -m trading_runtime.scribe.schemas`` rewrites ``docs/schemas/log-events.schema.json`` and
``docs/events.md`` of the folder that it is started in. Both come from the structs in ``records``
alone: names, types and units from annotations, meanings from docstrings.
"""

import ast
import inspect
import sys
from functools import cache
from pathlib import Path

import msgspec

from trading_runtime.records.event import Event
from trading_runtime.records.projection import (
    JsonSchema,
    LogGap,
    events,
    kind_of,
    line_schema,
    revised,
    slots,
)
from trading_runtime.records.units import Module
from trading_runtime.scribe.logs import streams_of

SCHEMA_PATH = Path("docs/schemas/log-events.schema.json")
TABLE_PATH = Path("docs/events.md")

PREFACE = """\
# Every record: what it is and what its log line holds

Generated from `trading_runtime/records` by `python -m trading_runtime.scribe.schemas`; do not edit.

A record of the journal is an **input** (what the core reacts to), an **output** (what it decided or
found out) or an **observation** (what the shell measured). Each becomes at most one line of its
module's stream, when its level reaches the stream's; some are lines of the audit stream too.

Every line begins with `ts` (engine time, ISO 8601, UTC, microseconds), `module`, `level` and
`event`, and ends with `session` and `seq`, which name the record in the journal. Lines of events
that concern an instrument's revision have `symbol` and `instrument_id` after `event`. The JSON
Schema of all lines is [log-events.schema.json](schemas/log-events.schema.json).

Numbers are exact: prices, quantities and money are decimals of the instrument's own scale and never
went through a float; read them as decimals. `ms` are milliseconds with six decimals.
"""


def modules_of(event: type[Event]) -> tuple[Module, ...]:
    return tuple(Module) if event is LogGap else streams_of(event)


def schema() -> JsonSchema:
    """Give one schema of all lines: a definition for each event, of which one holds."""
    one_of: list[JsonSchema] = [{"$ref": f"#/$defs/{event.name()}"} for event in events()]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of the six log streams",
        "type": "object",
        "required": ["event"],
        "oneOf": one_of,
        "$defs": {event.name(): line_schema(event, modules_of(event)) for event in events()},
    }


def schema_text() -> str:
    return msgspec.json.format(msgspec.json.encode(schema()), indent=1).decode() + "\n"


def table_text() -> str:
    return PREFACE + "".join(_section(event) for event in events())


def _section(event: type[Event]) -> str:
    modules = ", ".join(module.value for module in modules_of(event))
    meanings = _meanings(event)
    lines = ["", f"## {event.name()}", ""]
    if event.__doc__:
        lines += [inspect.cleandoc(event.__doc__), ""]
    lines += [f"{kind_of(event)} · {modules} · {event.level.name}", ""]
    if revised(event) or slots(event):
        lines += ["| field | type | unit | meaning |", "| --- | --- | --- | --- |"]
    if revised(event):
        lines += ["| `symbol` | string | | |", "| `instrument_id` | string | | venue and symbol |"]
    for slot in slots(event):
        meaning = meanings.get(slot.source, "") or _choices(slot.form.schema)
        lines.append(f"| `{slot.key}` | {_type(slot.form.schema)} | {slot.form.unit} | {meaning} |")
    return "\n".join(lines) + "\n"


def _meanings(event: type[Event]) -> dict[str, str]:
    """Give what stands below each field in the source of ``event``."""
    found: dict[str, str] = {}
    name = ""
    for node in _classes(event.__module__)[event.__name__].body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
        elif name and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found[name] = " ".join(str(node.value.value).split())
            name = ""
    return found


@cache
def _classes(module: str) -> dict[str, ast.ClassDef]:
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def _choices(form: JsonSchema) -> str:
    choices = form.get("enum")
    return ", ".join(f"`{it}`" for it in choices) if isinstance(choices, list) else ""


def _type(form: JsonSchema) -> str:
    kind = form["type"]
    return " or ".join(str(it) for it in kind) if isinstance(kind, list) else str(kind)


def main() -> None:
    for path, text in ((SCHEMA_PATH, schema_text()), (TABLE_PATH, table_text())):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
