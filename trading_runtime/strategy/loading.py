"""A strategy from the text of a user's file: checked, then run in a bare namespace.

The shell reads the file and journals its digest; nothing here opens one. Whatever class takes the
seat, shipped or a user's own, its two structs are checked here, so that the engine may trust them.
"""

import ast
import builtins
import inspect
from collections.abc import Mapping
from typing import cast

import msgspec

from trading_runtime.errors import Refused
from trading_runtime.records.units import Side
from trading_runtime.strategy.allowlist import BUILTINS, check_source
from trading_runtime.strategy.grid import Grid
from trading_runtime.strategy.interface import Desired, Quote, Strategy, View

# The language's own machinery behind ``class`` and ``import``; by name they are refused.
MACHINERY = ("__build_class__", "__import__")
QUOTE = ("self", "view", "parameters", "memory")
SHIPPED: Mapping[str, type] = {"grid": Grid}


class Malformed(ValueError):
    """A user's strategy returned what is no set of quotes."""


class Checked:
    """A user's strategy whose quotes are looked at before anyone trusts their types.

    Raises :exc:`Malformed` where a price or size is no positive integer, or a bid is not below
    every ask.
    """

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self.Parameters = strategy.Parameters
        self.Memory = strategy.Memory

    def quote(self, view: View, parameters: msgspec.Struct, memory: msgspec.Struct) -> Desired:
        desired = self._strategy.quote(view, parameters, memory)
        wrong = complaint(desired)
        if wrong:
            raise Malformed(wrong)
        return desired


def complaint(desired: object) -> str:
    """Say what is wrong with what a strategy returned; empty when nothing is."""
    if not isinstance(desired, Desired):
        return f"quote() returned {type(desired).__name__}, not Desired"
    if type(desired.fair_micro) is not int or type(desired.reason) is not str:
        return "fair_micro is no int or reason no str"
    bid, ask = 0, 0
    for quote in desired.quotes:
        if type(quote) is not Quote or type(quote.side) is not Side:
            return f"{quote!r} is no Quote(side, price, size)"
        if not (type(quote.price) is int and type(quote.size) is int):
            return f"price and size must be whole ticks and lots, not {quote.price}, {quote.size}"
        if quote.price < 1 or quote.size < 1:
            return f"price and size must be positive, not {quote.price}, {quote.size}"
        if quote.side is Side.BUY:
            bid = max(bid, quote.price)
        else:
            ask = min(ask or quote.price, quote.price)
    return f"bid {bid} is not below ask {ask}" if 0 < ask <= bid else ""


def shipped(name: str) -> Strategy:
    """Give the shipped strategy ``name``, or raise :exc:`~trading_runtime.errors.Refused`."""
    if name not in SHIPPED:
        raise Refused(f"no strategy {name!r} is shipped: {', '.join(SHIPPED)}, or FILE:CLASS")
    return seat(SHIPPED[name], name)


def load(source: str, class_name: str, filename: str) -> Strategy:
    """Give the strategy ``class_name`` of ``source``, or raise ``Refused`` with file and line."""
    check_source(source, filename)
    lines = {
        node.name: node.lineno
        for node in ast.parse(source, filename).body
        if isinstance(node, ast.ClassDef)
    }
    if class_name not in lines:
        there = ", ".join(lines) or "none"
        raise Refused(f"{filename}:1: there is no class {class_name}: the classes are {there}")
    pure = {name: vars(builtins)[name] for name in (*BUILTINS, *MACHINERY)}
    namespace: dict[str, object] = {"__builtins__": pure, "__name__": class_name}
    try:
        exec(compile(source, filename, "exec", dont_inherit=True), namespace)  # noqa: S102 -- the text has been checked, and running it is what a user names it for
    # The module's body is the user's own and may raise anything; this is its supervisor.
    except Exception as raised:
        line = _raised_at(raised, filename)
        what = f"{type(raised).__name__}: {raised}"
        raise Refused(f"{filename}:{line}: it cannot be loaded: {what}") from raised
    return Checked(seat(namespace[class_name], f"{filename}:{lines[class_name]}"))


def _raised_at(raised: Exception, filename: str) -> int:
    """Find the last line of the user's own file that the exception came through."""
    line = 1
    trace = raised.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def seat(strategy: object, where: str) -> Strategy:
    """Make one of the class ``strategy`` if it declares all that the engine relies on.

    Raises :exc:`~trading_runtime.errors.Refused`, which begins with ``where``.
    """
    if not isinstance(strategy, type):
        raise Refused(f"{where}: it is no class: write 'class Name:'")
    attributes = vars(strategy)
    for name in ("Parameters", "Memory"):
        if not _is_struct(attributes.get(name)):
            mend = f"write 'class {name}(msgspec.Struct, ...)' inside it"
            raise Refused(f"{where}: {strategy.__name__} has no struct {name}: {mend}")
    _check_parameters(attributes["Parameters"], where)
    _check_memory(attributes["Memory"], where)
    quote = attributes.get("quote")
    if not inspect.isfunction(quote) or len(inspect.signature(quote).parameters) != len(QUOTE):
        mend = f"write 'def quote({', '.join(QUOTE)}) -> Desired'"
        raise Refused(f"{where}: {strategy.__name__} has no method quote: {mend}")
    return cast("Strategy", strategy())


def _is_struct(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, msgspec.Struct)


def _check_parameters(parameters: type[msgspec.Struct], where: str) -> None:
    config = parameters.__struct_config__
    if not (config.frozen and config.forbid_unknown_fields):
        mend = "write 'msgspec.Struct, frozen=True, forbid_unknown_fields=True'"
        raise Refused(f"{where}: Parameters may change or take unknown names: {mend}")
    try:
        msgspec.json.schema(parameters)
    except TypeError as wrong:
        mend = "give its fields types that settings can hold"
        raise Refused(f"{where}: Parameters cannot be read from settings: {mend}") from wrong


def _check_memory(memory: type[msgspec.Struct], where: str) -> None:
    if memory.__struct_config__.frozen:
        raise Refused(f"{where}: Memory is frozen: leave frozen=True away")
    try:
        fresh = memory()
        again = msgspec.msgpack.decode(msgspec.msgpack.encode(fresh), type=memory)
    except (TypeError, msgspec.MsgspecError) as wrong:
        mend = "give each field a default, and a type that can be written down"
        raise Refused(f"{where}: Memory() cannot be carried: {wrong}: {mend}") from None
    if again != fresh:
        raise Refused(
            f"{where}: Memory() does not come back as it was written: {again} for {fresh}"
        )
