"""What a user's own strategy may say, read from its syntax tree before any of it runs.

A strategy must decide the same on replay, under any hash seed and from any checkpoint. So it may
import what is pure and named in ``IMPORTS``, call the pure built-ins in ``BUILTINS``, and keep
nothing between calls but its ``Memory``. What would read a clock, a file, an address in memory or
the order of a set is refused with its line and a way to mend it.

This keeps mistakes out, and plain attempts to get round it. It is no sandbox: whoever may name a
strategy in the settings may trade with it. An endless loop is not found here.
"""

import ast
import bisect
import builtins
import itertools
import math
from collections.abc import Iterator, Mapping

from trading_runtime.errors import Refused


def _public(names: list[str]) -> frozenset[str]:
    return frozenset(name for name in names if not name.startswith("_"))


IMPORTS: Mapping[str, frozenset[str]] = {
    "bisect": _public(dir(bisect)),
    "collections": frozenset({"Counter", "defaultdict", "deque"}),
    "collections.abc": frozenset({"Callable", "Iterable", "Iterator", "Mapping", "Sequence"}),
    "dataclasses": frozenset({"dataclass", "field", "replace"}),
    "enum": frozenset({"Enum", "IntEnum", "auto", "unique"}),
    "fractions": frozenset({"Fraction"}),
    "itertools": _public(dir(itertools)),
    "math": _public(dir(math)),
    # Not what would evaluate text: defstruct, convert, get_type_hints.
    "msgspec": frozenset({"Meta", "Struct", "field"}),
    "typing": frozenset({"Annotated", "ClassVar", "Final", "Literal", "assert_never"}),
    "trading_runtime.records.instruments": frozenset({"Instrument", "Scales"}),
    "trading_runtime.records.units": frozenset(
        {"Lots", "Micro", "Nanos", "Side", "Ticks"}
        | {"MICROS_PER_UNIT", "NANOS_PER_MILLI", "NANOS_PER_SECOND"}
    ),
    "trading_runtime.strategy.grid": frozenset(
        {"Grid", "GridMemory", "GridParameters", "Scaled"}
        | {"half_spread_micro", "room", "skew_micro"}
    ),
    "trading_runtime.strategy.interface": frozenset({"Desired", "Quote", "Strategy", "View"}),
}
"""Module to the names that may be taken from it; a module inside a module is in none of them."""

PURE = """
abs all any bool dict divmod enumerate filter float int isinstance iter len list map max min next
pow property range reversed round sorted staticmethod str sum super tuple zip
ArithmeticError AssertionError IndexError KeyError OverflowError StopIteration TypeError ValueError
ZeroDivisionError
"""
BUILTINS = tuple(PURE.split())
IMPURE = frozenset(dir(builtins)) - frozenset(BUILTINS)
"""What else the language has at hand; the reason is in ``MENDS`` where it is not plain."""
MENDS: Mapping[str, str] = {
    "eval": "write the expression out",
    "exec": "write the code out",
    "open": "a strategy opens nothing: take it as a parameter",
    "print": "say it in Desired.reason",
    "input": "take it as a parameter",
    "set": "its order changes from run to run: use a dict or a tuple",
    "frozenset": "its order changes from run to run: use a dict or a tuple",
    "hash": "it changes from run to run: compare the values",
    "id": "it changes from run to run: compare the values",
    "type": "use isinstance",
    "time": "view.at is the time",
    "datetime": "view.at is the time, in nanoseconds UTC",
    "random": "a replay must decide the same: do without chance",
    "os": "take it as a parameter",
    "sys": "take it as a parameter",
    "decimal": "use integers or fractions",
    "statistics": "it draws random numbers too: use math",
    "numpy": "use math: its sums differ from machine to machine",
    "format": "use an f-string",
    "format_map": "use an f-string",
}
DUNDER_METHODS = frozenset({"__post_init__"})
FRAMES = frozenset({"f_back", "f_builtins", "f_globals", "f_locals", "gi_frame", "tb_frame", "mro"})
ITERATORS = _public(dir(itertools)) | {"enumerate", "filter", "iter", "map", "reversed", "zip"}
MUTABLE_CALLS = ITERATORS | {"Counter", "defaultdict", "deque", "dict", "list"}

Complaint = tuple[int, str, str]
"""The line, what stands there, and how to mend it."""


def check_source(source: str, filename: str) -> None:
    """Raise :exc:`~trading_runtime.errors.Refused` for the first thing that may not be there."""
    try:
        tree = ast.parse(source, filename)
    except SyntaxError as wrong:
        # A null byte has no line.
        raise Refused(f"{filename}:{wrong.lineno or 1}: not Python: {wrong.msg}") from None
    first = min(_complaints(tree), default=None)
    if first is not None:
        line, what, mend = first
        raise Refused(f"{filename}:{line}: {what}: {mend}")


def _complaints(tree: ast.Module) -> Iterator[Complaint]:
    modules = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    names = _module_names(tree)
    for node in ast.walk(tree):
        yield from _imported(node)
        yield from _named(node)
        yield from _reached(node, modules)
        yield from _stated(node)
        yield from _kept(node)
        yield from _changed(node, names)


def _imported(node: ast.AST) -> Iterator[Complaint]:
    match node:
        case ast.Import(names=aliases):
            for alias in aliases:
                if alias.name not in IMPORTS:
                    yield node.lineno, f"imports {alias.name}", _mend(alias.name)
                elif "." in alias.name:
                    mend = f"write 'from {alias.name} import ...'"
                    yield node.lineno, f"imports {alias.name} whole", mend
        case ast.ImportFrom(module=module, names=aliases, level=level):
            if level or module is None or module not in IMPORTS:
                yield node.lineno, f"imports from {'.' * level}{module or ''}", _mend(module or "")
                return
            for alias in aliases:
                if alias.name not in IMPORTS[module]:
                    yield node.lineno, f"imports {module}.{alias.name}", _mend(alias.name)
        case _:
            pass


def _mend(name: str) -> str:
    return MENDS.get(name.partition(".")[0], "it is not on the list in docs/strategy.md")


def _named(node: ast.AST) -> Iterator[Complaint]:
    """Names of built-ins that are not pure, and all with two underscores."""
    match node:
        case ast.Name(id=name) if name.startswith("__"):
            yield node.lineno, f"uses {name}", "names with two underscores are the language's own"
        case ast.Name(id=name, ctx=ast.Load()) if name in IMPURE:
            yield node.lineno, f"uses {name}", _mend(name)
        case ast.FunctionDef(name=name) if name.startswith("__") and name not in DUNDER_METHODS:
            yield node.lineno, f"defines {name}", "keep state in Memory and settings in Parameters"
        case ast.MatchClass(kwd_attrs=attributes):
            for name in attributes:
                if name.startswith("__"):
                    yield node.lineno, f"reads .{name}", "it leads out of the strategy"
        case _:
            pass


def _reached(node: ast.AST, modules: Mapping[str, str]) -> Iterator[Complaint]:
    """Attributes that lead out of the strategy, and modules used as anything but a prefix."""
    match node:
        case ast.Attribute(attr=name) if name.startswith("__") or name in FRAMES:
            yield node.lineno, f"reads .{name}", "it leads out of the strategy"
        case ast.Attribute(attr="format" | "format_map" as name):
            yield node.lineno, f"calls .{name}", MENDS[name]
        case ast.Attribute(value=ast.Name(id=module), attr=name) if module in modules:
            if name not in IMPORTS.get(modules[module], frozenset()):
                yield node.lineno, f"uses {modules[module]}.{name}", _mend(name)
            return
        case _:
            pass
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) and child.id in modules:
            what = f"uses the module {child.id} as a value"
            yield child.lineno, what, f"write {child.id}.name where it is used"


def _stated(node: ast.AST) -> Iterator[Complaint]:
    match node:
        case ast.Set() | ast.SetComp():
            yield node.lineno, "makes a set", MENDS["set"]
        case ast.Global(names=names):
            yield node.lineno, f"changes {names[0]} for all calls", "keep it in Memory"
        case ast.AsyncFunctionDef() | ast.AsyncFor() | ast.AsyncWith() | ast.Await():
            yield node.lineno, "waits", "a strategy answers at once"
        case ast.ExceptHandler(type=None):
            yield node.lineno, "catches everything", "name what is expected"
        case ast.AnnAssign(annotation=annotation) if _quotes_type(annotation):
            yield node.lineno, "has a type in quotes", "write the type itself"
        case _:
            pass


def _quotes_type(annotation: ast.expr) -> bool:
    """Whether text stands for a type: it would be evaluated, unread by us."""
    match annotation:
        case ast.Constant(value=str()):
            return True
        case (
            ast.Call() | ast.Subscript(value=ast.Name(id="Literal") | ast.Attribute(attr="Literal"))
        ):
            return False
        case _:
            inner = ast.iter_child_nodes(annotation)
            return any(isinstance(node, ast.expr) and _quotes_type(node) for node in inner)


def _kept(node: ast.AST) -> Iterator[Complaint]:
    """Values that outlive a call and can change, so that a checkpoint would miss them."""
    match node:
        case ast.Module(body=body) | ast.ClassDef(body=body):
            values = [
                statement.value
                for statement in body
                if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value
            ]
        case ast.arguments(defaults=defaults, kw_defaults=kw_defaults):
            values = [*defaults, *(default for default in kw_defaults if default)]
        case _:
            return
    for value in values:
        if _changeable(value):
            mend = "make it a tuple, or a field of Memory by msgspec.field(default_factory=...)"
            yield value.lineno, "keeps a value that can change between calls", mend


def _changeable(value: ast.AST) -> bool:
    match value:
        case ast.List() | ast.Dict() | ast.ListComp() | ast.DictComp() | ast.GeneratorExp():
            return True
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in MUTABLE_CALLS
        case ast.Tuple() | ast.BinOp() | ast.IfExp():
            return any(_changeable(part) for part in ast.iter_child_nodes(value))
        case _:
            return False


def _changed(node: ast.AST, names: frozenset[str]) -> Iterator[Complaint]:
    """Stores into what all calls share: module-level names, and the strategy's own object."""
    mend = "keep it in Memory"
    match node:
        case (
            ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del())
        ):
            if _root(node) in names:
                yield node.lineno, f"changes {_root(node)} between calls", mend
        case ast.ClassDef(bases=[], decorator_list=[], body=body):
            for method in body:
                if isinstance(method, ast.FunctionDef) and method.args.args:
                    yield from _own_stores(method, method.args.args[0].arg)
        case _:
            pass


def _own_stores(method: ast.FunctionDef, own: str) -> Iterator[Complaint]:
    for node in ast.walk(method):
        if (
            isinstance(node, ast.Attribute | ast.Subscript)
            and not isinstance(node.ctx, ast.Load)
            and _root(node) == own
        ):
            yield node.lineno, f"changes {own} between calls", "keep it in Memory"


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _module_names(tree: ast.Module) -> frozenset[str]:
    names: list[str] = []
    for node in tree.body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                names.append(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names += [alias.asname or alias.name for alias in aliases]
            case ast.Assign() | ast.AnnAssign():
                names += [
                    inner.id
                    for inner in ast.walk(node)
                    if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
                ]
            case _:
                pass
    return frozenset(names)
