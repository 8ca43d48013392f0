"""Canonical JSON (RFC 8785) of the values that the audit record allows, and no other bytes.

Allowed are null, true, false, strings, integers within ±``INTEGER_MAX``, lists, and objects with
string keys, of exactly these types, at most ``DEPTH_MAX`` containers inside one another. Floats are
refused though RFC 8785 knows them: 1.0 and 1 would be the same bytes and two values.

The bytes are orjson's. They are those of RFC 8785 for such values but for one thing: keys are to
be sorted by UTF-16 units, and orjson sorts by code point. Only where a key from beyond U+FFFF meets
one from U+E000 to U+FFFF do the two differ; then we sort again ourselves.
"""

import re

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
_UNSORTED = _SORTED & ~orjson.OPT_SORT_KEYS
_BEYOND_FFFF = re.compile(rb"[\xf0-\xf4]")
_FROM_E000 = re.compile(rb"[\xee\xef]")


def encode(value: object) -> bytes:
    """Give the canonical bytes of ``value``.

    Raises :exc:`Misread` with the reason ``float``, ``integer``, ``key``, ``surrogate``, ``depth``
    or ``type``.
    """
    _guard(value, DEPTH_MAX)
    return _dump(value)


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
    require_same(encode(value), data)
    return value


def parse(data: bytes) -> Json:
    """Read any JSON without floats; whether it is canonical is for the caller to see."""
    try:
        return _DECODER.decode(data)  # type: ignore[no-any-return]  # JSON is nothing else
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as fault:
        raise Misread("not_json", str(fault)) from None


def require_same(canonical: bytes, data: bytes) -> None:
    """Raise :exc:`Misread` (``not_canonical``) where ``data`` are not the ``canonical`` bytes."""
    if canonical != data:
        at = next(
            (place for place, (a, b) in enumerate(zip(canonical, data, strict=False)) if a != b),
            min(len(canonical), len(data)),
        )
        raise Misread("not_canonical", f"byte {at} is not what RFC 8785 writes there")


def refuse_float(text: str) -> float:
    raise Misread("float", f"the number {text[:40]}")


_DECODER = msgspec.json.Decoder(float_hook=refuse_float)


def _guard(value: object, depth: int) -> None:
    """Refuse what has no canonical bytes, or more than one value for the same bytes."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return
    if kind is int:
        if not -INTEGER_MAX <= value <= INTEGER_MAX:  # type: ignore[operator]
            raise Misread("integer", f"{value} is beyond 2^53 - 1")
    elif kind is dict:
        _guard_object(value, depth)  # type: ignore[arg-type]
    elif kind is list:
        if depth == 0:
            raise Misread("depth", f"more than {DEPTH_MAX} levels of nesting")
        for item in value:  # type: ignore[attr-defined]
            _guard(item, depth - 1)
    else:
        raise Misread("float" if kind is float else "type", f"a value of type {kind.__name__}")


def _guard_object(value: dict[object, object], depth: int) -> None:
    if depth == 0:
        raise Misread("depth", f"more than {DEPTH_MAX} levels of nesting")
    for key, item in value.items():
        if type(key) is not str:
            raise Misread("key", f"a key of type {type(key).__name__}")
        _guard(item, depth - 1)


def _dump(value: object) -> bytes:
    try:
        data = orjson.dumps(value, option=_SORTED)
    except orjson.JSONEncodeError as fault:
        raise Misread("surrogate", str(fault)) from None
    if not data.isascii() and _BEYOND_FFFF.search(data) and _FROM_E000.search(data):
        return orjson.dumps(_by_utf16(value), option=_UNSORTED)
    return data


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
