"""Two packed bodies as text that shows where they differ, however large they are."""

import msgspec

from trading_runtime.records.envelope import decode_body

TEXT_MAX = 2_000
FIELDS_MAX = 10


def as_text(body: bytes) -> str:
    """Write a packed body for a person; what is none, as it is."""
    if not body:
        return "nothing"
    try:
        return repr(decode_body(body))[:TEXT_MAX]
    except msgspec.DecodeError:
        return repr(body[:TEXT_MAX])


def as_texts(one: bytes, other: bytes) -> tuple[str, str]:
    """Write two bodies; of two long ones of one name only what differs, field by field."""
    texts = as_text(one), as_text(other)
    if len(texts[0]) < TEXT_MAX or len(texts[1]) < TEXT_MAX:
        return texts
    first, second = msgspec.msgpack.decode(one), msgspec.msgpack.decode(other)
    found: list[tuple[str, object, object]] = []
    _compare(first, second, "", found)
    shown = found[:FIELDS_MAX]
    return (
        "; ".join(f"{place}: {value!r}"[:TEXT_MAX] for place, value, _ in shown),
        "; ".join(f"{place}: {value!r}"[:TEXT_MAX] for place, _, value in shown),
    )


def _compare(
    one: object, other: object, place: str, found: list[tuple[str, object, object]]
) -> None:
    """Note the places, as indices into the packed arrays, where two values differ."""
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other, strict=True)):
            _compare(pair[0], pair[1], f"{place}[{index}]", found)
    elif one != other:
        found.append((place, one, other))
