"""An event's fields as values that canonical JSON takes: no float, decimals as text.

Names and units are those of the log lines (docs/events.md); a number with decimals there is the
same digits as text here, and a whole number that a double cannot hold is text too.
"""

from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from msgspec import Raw

from trading_runtime.evidence.canonical import INTEGER_MAX, Json, JsonObject
from trading_runtime.records.event import Event
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.projection import UNKNOWN, revised, slots


class Column(NamedTuple):
    key: str
    read: Callable[[Event], object]
    convert: Callable[..., object] | None  # type: ignore[explicit-any]  # as in records.projection


def values(event: Event, scales: Scales = UNKNOWN) -> JsonObject:
    """Give the event's own fields; prices and sizes by ``scales``, with the instrument's name."""
    columns, named = _columns(type(event), scales.instrument)
    plain: JsonObject = {"instrument_id": scales.instrument.instrument_id} if named else {}
    for key, read, convert in columns:
        value = read(event)
        plain[key] = _plain(value if convert is None else convert(value))
    return plain


@lru_cache(maxsize=1024)
def _columns(  # type: ignore[explicit-any]  # Column's converter
    event: type[Event], instrument: Instrument
) -> tuple[tuple[Column, ...], bool]:
    scales = Scales(instrument)
    return (
        tuple(
            Column(
                slot.key,
                attrgetter(slot.source),
                None if slot.form.bind is None else slot.form.bind(scales),
            )
            for slot in slots(event)
        ),
        revised(event),
    )


def _plain(value: object) -> Json:
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if -INTEGER_MAX <= value <= INTEGER_MAX else str(value)
        case Raw():
            return bytes(value).decode()
        case Enum():
            return _plain(value.value)
        case tuple() | list():
            return [_plain(each) for each in value]
        case _:
            raise TypeError(f"no audit entry can hold a {type(value).__name__}")
