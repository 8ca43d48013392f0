"""Canonical JSON (RFC 8785) of the values that the audit record allows, and no other bytes.

Allowed are null, true, false, strings, integers within ±``INTEGER_MAX``, lists, and objects with
string keys, of exactly these types, at most ``DEPTH_MAX`` containers inside one another. Floats are
refused though RFC 8785 knows them: 1.0 and 1 would be the same bytes and two values.

The bytes are orjson's. They are those of RFC 8785 for such values but for one thing: keys are to
be sorted by UTF-16 units, and orjson sorts by code point. Only where a key from beyond U+FFFF meets
one from U+E000 to U+FFFF do the two differ; then we sort again ourselves.
"""

import re
from collections.abc import Iterable

import msgspec
import orjson

from trading_runtime.errors import Misread

INTEGER_MAX = 2**53 - 1
"""The largest that each reader of JSON holds exactly (I-JSON, RFC 7493)."""
DEPTH_MAX = 32
"""Objects and lists inside one another, the outermost being the first."""

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]
JsonObject = dict[str, Json]

_SORTED = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)
UNSORTED = _SORTED & ~orjson.OPT_SORT_KEYS
"""Of orjson: it refuses the same, and writes members as they come."""
_BEYOND_FFFF = re.compile(rb"[\xf0-\xf4]")
_FROM_E000 = re.compile(rb"[\xee\xef]")


def encode(value: object) -> bytes:
    """Give the canonical bytes of ``value``.

    Raises :exc:`Misread` with the reason ``float``, ``integer``, ``key``, ``surrogate``, ``depth``
    or ``type``.
    """
    _guard((value,), DEPTH_MAX)
    return dump(value)


def of_struct(value: msgspec.Struct) -> bytes:
    """Give the canonical bytes of a struct's members, under the names that it gives them."""
    return encode(parse(msgspec.json.encode(value)))


def decode(data: bytes) -> JsonObject:
    """Read an object from its canonical bytes; any other bytes of the same object are refused.

    Raises :exc:`Misread` with the reason ``not_json``, ``not_object``, ``not_canonical``, or one of
    :func:`encode`.
    """
    value = parse(data)
    if type(value) is not dict:
        raise Misread("not_object", f"JSON of {type(value).__name__} where an object belongs")
    require(value, data)
    return value


def require(value: object, data: bytes) -> None:
    """Raise :exc:`Misread` unless ``data`` are the canonical bytes of what was parsed from them.

    A parser makes no types but those allowed, so only numbers, depth and the bytes are looked at.
    """
    if data.count(b"{") + data.count(b"[") > DEPTH_MAX:
        _guard((value,), DEPTH_MAX)
    canonical = dump(value)
    if canonical != data:
        pairs = enumerate(zip(canonical, data, strict=False))
        at = next((place for place, (a, b) in pairs if a != b), min(len(canonical), len(data)))
        raise Misread("not_canonical", f"byte {at} is not what RFC 8785 writes there")


def parse(data: bytes) -> Json:
    """Read any JSON without floats; whether it is canonical is for the caller to see."""
    try:
        return _DECODER.decode(data)  # type: ignore[no-any-return]  # JSON is nothing else
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as fault:
        raise Misread("not_json", str(fault)) from None


def refuse_float(text: str) -> float:
    raise Misread("float", f"the number {text[:40]}")


_DECODER = msgspec.json.Decoder(float_hook=refuse_float)


def _guard(values: Iterable[object], depth: int) -> None:
    """Refuse types that orjson would write too; ``depth`` containers may lie in one another.

    Keys that are no strings, large integers and lone surrogates are left to orjson to refuse.
    """
    if depth < 0:
        raise Misread("depth", f"more than {DEPTH_MAX} levels of nesting")
    for value in values:
        kind = type(value)
        if kind is str or value is None:
            continue
        if kind is dict:
            _guard(value.values(), depth - 1)  # type: ignore[attr-defined]  # it is a dict
        elif kind is list:
            _guard(value, depth - 1)  # type: ignore[arg-type]  # it is a list
        elif kind is not int and kind is not bool:
            raise Misread("float" if kind is float else "type", f"a value of type {kind.__name__}")


def dump(value: object) -> bytes:
    """Give the canonical bytes of a value whose types and depth are known to be right."""
    try:
        data = orjson.dumps(value, option=_SORTED)
    except orjson.JSONEncodeError as fault:
        raise Misread(_reason(str(fault)), str(fault)) from None
    if data.isascii() or not (_BEYOND_FFFF.search(data) and _FROM_E000.search(data)):
        return data
    return orjson.dumps(_by_utf16(value), option=UNSORTED)


def _reason(message: str) -> str:
    """Say in a word what orjson does not write."""
    if "Integer" in message:
        return "integer"
    return "key" if "key" in message else "surrogate"


def _by_utf16(value: object) -> object:
    """Put the keys in the order of RFC 8785, section 3.2.3, all the way down."""
    match value:
        case dict():
            ordered = sorted(value.items(), key=lambda pair: pair[0].encode("utf-16-be"))
            return {key: _by_utf16(item) for key, item in ordered}
        case list():
            return [_by_utf16(item) for item in value]
        case _:
            return value
