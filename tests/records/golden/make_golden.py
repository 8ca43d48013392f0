"""Write the golden segment of the present schema version: every kind of record, once.

Run it once per schema version, ``python -m tests.records.golden.make_golden``, and commit what it
wrote; the files of a released version are never written again. Every field gets a value made from
its type and its place, so that two fields that change places are noticed. ``v<version>.json`` says
in plain words what ``v<version>.tdj`` holds.
"""

import base64
from enum import Enum
from itertools import count
from pathlib import Path
from typing import Any, get_args

import msgspec
from msgspec import inspect

from trading_runtime.records.envelope import (
    SCHEMA_VERSION,
    Body,
    Kind,
    Stamp,
    encode_body,
    frame_record,
)
from trading_runtime.records.inputs import Input, StateCarried
from trading_runtime.records.observations import Observation
from trading_runtime.records.segments import SegmentHeader, header_bytes
from trading_runtime.records.units import Nanos, Seq

HERE = Path(__file__).parent
HEADER = SegmentHeader(session="20251119T140501Z-golden", segment=7, first_seq=Seq(1001))
START = 1_763_560_000_000_000_000


class Examples:
    """Values of any type of the records, no two of the same type alike."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def struct(self, kind: type[Any]) -> Any:
        values = {
            field.name: self.value(field.type)
            for field in inspect.type_info(kind).fields  # type: ignore[union-attr]
        }
        return kind(**values)

    def value(self, kind: inspect.Type) -> Any:
        number = next(self._numbers)
        match kind:
            case inspect.StructType(cls=cls):
                return self.struct(cls)
            case inspect.EnumType(cls=cls):
                members = list(cls)
                return members[number % len(members)]
            case inspect.TupleType(item_types=items):
                return tuple(self.value(item) for item in items)
            case inspect.VarTupleType(item_type=item):
                return (self.value(item), self.value(item))
            case inspect.RawType():
                return msgspec.Raw(msgspec.msgpack.encode([number, None]))
            case _:
                return _scalar(kind, number)


def _scalar(kind: inspect.Type, number: int) -> Any:
    match kind:
        case inspect.IntType():
            # Large and small, and of either sign: each takes another form in MessagePack.
            return number * 10 ** (number % 13) * (-1 if number % 5 == 0 else 1)
        case inspect.BoolType():
            return number % 2 == 0
        case inspect.StrType():
            return f"text {number} \N{GREEK SMALL LETTER DELTA}"
        case inspect.BytesType():
            return bytes([number % 256, 0, 255])
        case _:
            raise NotImplementedError(f"no example of {kind}")


def kinds_of_body() -> list[tuple[Kind, type[Any]]]:
    """Give every struct of the record's union with the kind of record that carries it."""
    inputs, observations = get_args(Input), get_args(Observation)
    found: list[tuple[Kind, type[Any]]] = []
    for struct in get_args(Body):
        if struct in observations:
            found.append((Kind.OBSERVATION, struct))
        else:
            found.append((Kind.INPUT if struct in inputs else Kind.OUTPUT, struct))
    return [*found, (Kind.OUTPUT, StateCarried)]


def records() -> list[tuple[Kind, Seq, Stamp, Any]]:
    examples = Examples()
    return [
        (
            kind,
            Seq(HEADER.first_seq + place),
            Stamp(Nanos(START + place), Nanos(START - 1_270_000_000 + 2 * place)),
            examples.struct(struct),
        )
        for place, (kind, struct) in enumerate(kinds_of_body())
    ]


def segment() -> bytes:
    framed = [
        frame_record(kind, seq, stamp, encode_body(body)) for kind, seq, stamp, body in records()
    ]
    return header_bytes(HEADER) + b"".join(framed)


def plain(value: Any) -> Any:
    """Give ``value`` in JSON's own types, with the names of its fields."""
    match value:
        case msgspec.Struct():
            return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
        case Enum():
            return plain(value.value)
        case tuple() | list():
            return [plain(item) for item in value]
        case msgspec.Raw():
            return plain(bytes(value))
        case bytes():
            return {"base64": base64.b64encode(value).decode()}
        case _:
            return value


def described(kind: Kind, seq: Seq, stamp: Stamp, body: Any) -> dict[str, Any]:
    return {
        "kind": kind.name.lower(),
        "seq": seq,
        "at": stamp.at,
        "wall": stamp.wall,
        "name": type(body).__name__,
        "fields": plain(body),
    }


def description() -> bytes:
    words = {"header": plain(HEADER), "records": [described(*record) for record in records()]}
    return msgspec.json.format(msgspec.json.encode(words), indent=1) + b"\n"


def main() -> None:
    (HERE / f"v{SCHEMA_VERSION}.tdj").write_bytes(segment())
    (HERE / f"v{SCHEMA_VERSION}.json").write_bytes(description())


if __name__ == "__main__":
    main()
