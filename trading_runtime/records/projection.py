"""How an event becomes a log line, and the JSON Schema of that line: both from its annotations.

A line is one JSON object in ASCII: ``ts``, ``module``, ``level``, ``event``, then ``symbol`` and
``instrument_id`` where the event has a ``revision``, the event's own fields as they are, those
that are converted, ``session``, ``seq``. A field's type says how it is written, without a float:

 * a price in ticks or a size in lots is a decimal number by its instrument's grid, money by its
   scale; without a ``revision`` in the event it stays a count, named ``*_ticks``, ``*_lots`` or
   ``*_units``;
 * ``order`` is written as ``orderId``; a size as ``qty`` (``bid_size`` as ``bid_qty``);
 * a ratio in millionths has six decimals, ``*_micro`` (millionths of a tick) is a price;
 * a span ``*_ns`` is ``*_ms`` with six decimals, a moment is ISO 8601 in UTC with nine, or null
   where the venue gave none;
 * bytes are text where they are UTF-8, else ``base64:`` and their Base64.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from operator import attrgetter
from typing import NamedTuple, get_args

import msgspec
from msgspec import Raw

from trading_runtime.records.carried import CoreCarried
from trading_runtime.records.envelope import Body, Output
from trading_runtime.records.event import Event
from trading_runtime.records.exact import Grid
from trading_runtime.records.inputs import Input
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.units import (
    MICROS_PER_UNIT,
    NANOS_PER_SECOND,
    ClientId,
    Level,
    Lots,
    Micro,
    Module,
    Money,
    Nanos,
    Revision,
    Seq,
    Ticks,
)

MEMO_MAX = 16_384
"""Values of one field that are kept: more than the levels that a quoted book moves over."""
BASE64 = "base64:"
MICRO_SCALE = 6
NOT_ASCII = re.compile(r"[^\x00-\x7f]")

encode = msgspec.json.Encoder().encode

JsonSchema = dict[str, "str | bool | list[str] | JsonSchema | list[JsonSchema]"]
Convert = Callable[..., object]  # type: ignore[explicit-any]  # each takes its own type's values
Write = Callable[[Nanos, Seq, Event], bytes]


class LogGap(Event, frozen=True, kw_only=True, tag=True):
    """Lines of level DEBUG were skipped under pressure: ``count`` of ``first_seq``-``last_seq``.

    Written by scribe, never journaled. It stands in the stream that it tells of, where the first
    skipped line would be; lines of a higher level between the two numbers follow it.
    """

    module = Module.SYSTEM
    level = Level.WARN

    first_seq: Seq
    last_seq: Seq
    count: int


class Memo(dict[object, object]):
    """What each value is written as, kept: prices and sizes come again and again."""

    __slots__ = ("_convert",)

    def __init__(self, convert: Convert) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, value: object) -> object:
        if len(self) >= MEMO_MAX:
            self.clear()
        written = self[value] = self._convert(value)
        return written


Bind = Callable[[Scales], Convert]
"""Gives what converts values: a memo's look-up, or a function where they seldom come again."""


class Form(NamedTuple):
    """How values of one type are written: schema, unit for people, and the conversion if any."""

    schema: JsonSchema
    unit: str
    bind: Bind | None


class Slot(NamedTuple):
    """One key of a line; ``source`` is the path to its value in the event."""

    key: str
    source: str
    form: Form


@lru_cache(maxsize=64)
def _second_text(second: int) -> str:
    """Write a UTC second as ISO 8601 without zone (H. Hinnant's civil-from-days, proleptic)."""
    days, rest = divmod(second, 86_400)
    days += 719_468
    era, day_of_era = divmod(days, 146_097)
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9  # noqa: PLR2004 -- months from March
    year = year_of_era + era * 400 + (month <= 2)  # noqa: PLR2004 -- as above
    minutes, seconds = divmod(rest, 60)
    return f"{year:04d}-{month:02d}-{day:02d}T{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"


@lru_cache(maxsize=64)
def _second_bytes(second: int) -> bytes:
    return _second_text(second).encode()


def _escaped(character: re.Match[str]) -> str:
    return encode_basestring_ascii(character[0])[1:-1]


def hour_text(at: int) -> str:
    """Write the UTC hour of a moment as ``YYYY-MM-DDTHH``."""
    return _second_text(at // NANOS_PER_SECOND)[:13]


def _moment(at: int) -> str | None:
    if at == 0:
        return None
    second, nanos = divmod(at, NANOS_PER_SECOND)
    return "%s.%09dZ" % (_second_text(second), nanos)  # noqa: UP031 -- half the time


def _octets(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = BASE64
    if text.startswith(BASE64):
        return BASE64 + b64encode(value).decode()
    return text


def _decimals(scale: int, step: int = 1) -> Callable[[int], Raw]:
    """Give what writes ``count * step * 10 ** -scale`` as a JSON number with ``scale`` decimals.

    Says the same as ``exact.scaled_text``; most values are written once, so this is a hot path.
    """
    if scale == 0:
        return lambda count: Raw(str(count * step))
    unit = 10**scale
    digits = f"%d.%0{scale}d"

    def number(count: int) -> Raw:
        units = count * step
        if units < 0:
            return Raw("-" + digits % divmod(-units, unit))
        return Raw(digits % divmod(units, unit))

    return number


def _counted(grid: Grid) -> Convert:
    return Memo(_decimals(grid.scale, grid.step_units)).__getitem__


def _micro_ticks(scales: Scales) -> Convert:
    return _decimals(scales.tick.scale + MICRO_SCALE, scales.tick.step_units)


_NUMBER: JsonSchema = {"type": "number"}
_INTEGER: JsonSchema = {"type": "integer"}
_STRING: JsonSchema = {"type": "string"}
_MOMENT: JsonSchema = {"type": ["string", "null"], "format": "date-time"}

PRICE = Form(_NUMBER, "price", lambda scales: _counted(scales.tick))
QUANTITY = Form(_NUMBER, "quantity", lambda scales: _counted(scales.lot))
MONEY = Form(_NUMBER, "money", lambda scales: _decimals(scales.instrument.money_scale))
PRICE_FINE = Form(_NUMBER, "price", _micro_ticks)
RATIO = Form(_NUMBER, "ratio", lambda _scales: _decimals(MICRO_SCALE))
SPAN = Form(_NUMBER, "ms", lambda _scales: _decimals(MICRO_SCALE))
MOMENT = Form(_MOMENT, "UTC", lambda _scales: _moment)
OCTETS = Form(_STRING, "bytes as text", lambda _scales: _octets)
COUNT = Form(_INTEGER, "", None)
TICK_COUNT = Form(_INTEGER, "ticks", None)
LOT_COUNT = Form(_INTEGER, "lots", None)
UNIT_COUNT = Form(_INTEGER, "smallest units of money", None)
TEXT = Form(_STRING, "", None)
FLAG = Form({"type": "boolean"}, "", None)
TEXTS = Form({"type": "array", "items": _STRING}, "", None)
PAIRS = Form({"type": "array", "items": {"type": "array", "items": _STRING}}, "", None)

_SCALED: Mapping[object, tuple[Form, Form, str]] = {
    Ticks: (PRICE, TICK_COUNT, "_ticks"),
    Lots: (QUANTITY, LOT_COUNT, "_lots"),
    Money: (MONEY, UNIT_COUNT, "_units"),
}
_PLAIN: Mapping[object, Form] = {
    Micro: RATIO,
    int: COUNT,
    bool: FLAG,
    str: TEXT,
    bytes: OCTETS,
    tuple[str, ...]: TEXTS,
    tuple[tuple[str, str], ...]: PAIRS,
}


def _slots(field: msgspec.structs.FieldInfo, *, on_grid: bool) -> Iterator[Slot]:
    """Give the keys that one field is written as; ``on_grid`` where the event has a revision."""
    name, kind = field.name, field.type
    while hasattr(kind, "__supertype__") and kind not in {*_SCALED, Micro, Nanos, Revision}:
        kind = kind.__supertype__
    if kind is Revision or (name == "session" and kind is str):
        return  # written by every line of such an event: see _fixed and the envelope
    if kind is Instrument:
        yield from _instrument_slots(name)
    elif kind is CoreCarried:
        yield Slot("core_seq", f"{name}.seq", COUNT)
    elif kind is Nanos:
        yield _time_slot(name)
    elif kind in _SCALED:
        yield _scaled_slot(name, *_SCALED[kind], on_grid=on_grid)
    elif isinstance(kind, type) and issubclass(kind, Enum):
        schema: JsonSchema = {"type": "string", "enum": [str(member.value) for member in kind]}
        yield Slot(name, name, Form(schema, "", None))
    elif kind is int and name.endswith("_micro") and on_grid:
        yield Slot(name.removesuffix("_micro"), name, PRICE_FINE)
    else:
        yield Slot("orderId" if field.type is ClientId else name, name, _PLAIN[kind])


def _instrument_slots(name: str) -> Iterator[Slot]:
    yield Slot("symbol", f"{name}.symbol", TEXT)
    yield Slot("instrument_id", f"{name}.instrument_id", TEXT)
    for field in msgspec.structs.fields(Instrument):
        if field.name != "symbol":
            yield Slot(field.name, f"{name}.{field.name}", TEXT if field.type is str else COUNT)


def _time_slot(name: str) -> Slot:
    if name.endswith("_ns"):
        return Slot(name.removesuffix("ns") + "ms", name, SPAN)
    if name.startswith("mono_"):
        return Slot(f"{name}_ms", name, SPAN)
    return Slot(name, name, MOMENT)


def _scaled_slot(name: str, form: Form, count: Form, suffix: str, *, on_grid: bool) -> Slot:
    if name.endswith("_ticks"):
        return Slot(name, name, TICK_COUNT)
    if not on_grid:
        return Slot(name + suffix, name, count)
    if form is QUANTITY and (name == "size" or name.endswith("_size")):
        return Slot(name.removesuffix("size") + "qty", name, form)
    return Slot(name, name, form)


@lru_cache(maxsize=256)
def slots(event: type[Event]) -> tuple[Slot, ...]:
    """Give the event's own keys in the order of a line, without those of its revision."""
    fields = msgspec.structs.fields(event)
    on_grid = revised(event)
    own = [slot for field in fields for slot in _slots(field, on_grid=on_grid)]
    return tuple(sorted(own, key=lambda slot: slot.form.bind is not None))


@lru_cache(maxsize=256)
def revised(event: type[Event]) -> bool:
    return "revision" in event.__struct_fields__


def events() -> tuple[type[Event], ...]:
    """Every event that can be a line: inputs, outputs, observations, then scribe's own."""
    return (*get_args(Body), LogGap)


def kind_of(event: type[Event]) -> str:
    """Who makes an event, for people; a checkpoint is both input and output."""
    kinds = [
        kind for kind, union in (("input", Input), ("output", Output)) if event in get_args(union)
    ]
    return " and ".join(kinds) or ("line" if event is LogGap else "observation")


def writer(
    event: type[Event], stream: Module, session: str, scales: Mapping[Revision, Scales]
) -> Write:
    """Make the function that writes lines of ``event`` into ``stream``.

    ``scales`` is read as it stands when a line is written. A revision that nobody introduced is
    written as the symbol ``unknown``, its prices and sizes as counts.
    """
    bare = [slot for slot in slots(event) if slot.form.bind is None]
    converted = [slot for slot in slots(event) if slot.form.bind is not None]
    take_bare = _fetch([slot.source for slot in bare])
    take_converted = _fetch([slot.source for slot in converted])
    own = msgspec.defstruct(event.name(), [slot.key for slot in (*bare, *converted)], gc=False)
    revision_of = attrgetter("revision") if revised(event) else lambda _body: UNKNOWN_REVISION
    bound: dict[Revision, tuple[bytes, tuple[Convert, ...]]] = {}

    def bind(revision: Revision) -> tuple[bytes, tuple[Convert, ...]]:
        grid = scales.get(revision, UNKNOWN)
        template = _template(event, stream, grid.instrument, session)
        plan = template, tuple(slot.form.bind(grid) for slot in converted if slot.form.bind)
        if grid is not UNKNOWN or not revised(event):
            bound[revision] = plan
        return plan

    def write(at: Nanos, seq: Seq, body: Event) -> bytes:
        revision = revision_of(body)
        template, converts = bound.get(revision) or bind(revision)
        if converts:
            found = zip(converts, take_converted(body), strict=True)
            text = encode(own(*take_bare(body), *[convert(value) for convert, value in found]))
        else:
            text = encode(own(*take_bare(body)))
        if not text.isascii():
            text = NOT_ASCII.sub(_escaped, text.decode()).encode()
        second, micros = divmod(at // 1000, MICROS_PER_UNIT)
        return template % (_second_bytes(second), micros, text[1:-1], seq)

    return write


def _template(event: type[Event], stream: Module, instrument: Instrument, session: str) -> bytes:
    """Give a line of ``event`` with places for the second, its micros, the own fields and seq."""
    fixed = {"module": stream.value, "level": event.level.name, "event": event.name()}
    if revised(event):
        fixed |= {"symbol": instrument.symbol, "instrument_id": instrument.instrument_id}
    pairs = "".join(f',"{key}":{encode_basestring_ascii(text)}' for key, text in fixed.items())
    tail = f'"session":{encode_basestring_ascii(session)}'
    head, end = (part.replace("%", "%%").encode() for part in (pairs, tail))
    fields = b",%b," if slots(event) else b"%b,"
    return b'{"ts":"%b.%06dZ"' + head + fields + end + b',"seq":%d}\n'


UNKNOWN_REVISION = Revision(0)
UNKNOWN = Scales(
    Instrument(
        revision=UNKNOWN_REVISION,
        venue="unknown",
        symbol="unknown",
        base_asset="",
        quote_asset="",
        tick_size="1",
        lot_size="1",
        multiplier="1",
        money_scale=0,
    )
)


def _fetch(sources: list[str]) -> Callable[[Event], tuple[object, ...]]:
    """Give what reads all ``sources`` of an event at once."""
    if not sources:
        return lambda _body: ()
    if len(sources) == 1:
        only = attrgetter(sources[0])
        return lambda body: (only(body),)
    return attrgetter(*sources)


def line_schema(event: type[Event], streams: tuple[Module, ...]) -> JsonSchema:
    """Give the JSON Schema (draft 2020-12) of a line of ``event`` in one of ``streams``."""
    properties: JsonSchema = {
        "ts": {
            "type": "string",
            "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$",
        },
        "module": {"enum": [stream.value for stream in streams]},
        "level": {"const": event.level.name},
        "event": {"const": event.name()},
    }
    if revised(event):
        properties |= {"symbol": _STRING, "instrument_id": _STRING}
    properties |= {slot.key: slot.form.schema for slot in slots(event)}
    properties |= {"session": _STRING, "seq": _INTEGER}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
