import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from tests.evidence.values import OBJECTS, VALUES
from trading_runtime.errors import Misread
from trading_runtime.evidence.canonical import (
    DEPTH_MAX,
    INTEGER_MAX,
    Json,
    JsonObject,
    decode,
    encode,
    of_struct,
)


class Side(StrEnum):
    BUY = "buy"


class Level(IntEnum):
    ONE = 1


class Plain(Enum):
    ONE = 1


class Pair(NamedTuple):
    one: int


@dataclass
class Data:
    one: int


class Text(str):
    __slots__ = ()


class Number(int):
    __slots__ = ()


class Object(dict[str, int]):
    pass


def nested(depth: int, *, lists: bool = False) -> Json:
    value: Json = [] if lists else {}
    for _ in range(depth - 1):
        value = [value] if lists else {"a": value}
    return value


def reason(value: object) -> str:
    with pytest.raises(Misread) as caught:
        encode(value)
    return caught.value.reason


def decode_reason(data: bytes) -> str:
    with pytest.raises(Misread) as caught:
        decode(data)
    return caught.value.reason


@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode", "weird", "values"])
def test_the_vectors_of_rfc_8785_are_written_so_or_refused_for_their_floats(
    shared_data: Path, name: str
) -> None:
    vectors = shared_data / "vectors" / "rfc8785"
    value = json.loads((vectors / "input" / f"{name}.json").read_text())
    wanted = bytes.fromhex("".join((vectors / "outhex" / f"{name}.txt").read_text().split()))
    if name == "values":
        assert reason(value) == "float"
        return
    if name == "structures":
        assert reason(value) == "float"
        value["1"]["\n"] = 56  # of 56.0, which RFC 8785 writes the same
    assert encode(value) == wanted
    if isinstance(value, dict):
        assert decode(wanted) == value


@given(VALUES)
def test_whatever_is_written_is_what_the_oracle_writes(value: Json) -> None:
    assert encode(value) == rfc8785.dumps(value)


@given(OBJECTS)
def test_whatever_is_written_reads_back_as_the_same(value: JsonObject) -> None:
    assert decode(encode(value)) == value


def test_keys_are_sorted_by_their_utf_16_units() -> None:
    keys = ["\U0001f600", "\ue000", "\ufb33", "\u20ac", "z", ""]
    value = {"outer": [dict.fromkeys(keys)], "\uffff": 1, "\U00010000": 2}
    assert encode(value) == rfc8785.dumps(value)
    assert list(decode(encode(value))) == ["outer", "\U00010000", "\uffff"]
    assert decode_reason('{"\ufb33":1,"\U0001f600":2}'.encode()) == "not_canonical"


@pytest.mark.soak
def test_sixty_thousand_random_objects_are_written_as_the_oracle_writes_them() -> None:
    chance = random.Random(8785)  # noqa: S311 -- no secret
    letters = 'ab"\\/\x00\x1f\x7f\x80\u2028\u20ac\ud7ff\ue000\ufb33\uffff\U00010000\U0010ffff'

    def text() -> str:
        return "".join(chance.choices(letters, k=chance.randrange(5)))

    def value(depth: int) -> Json:
        kinds = 7 if depth else 5
        match chance.randrange(kinds):
            case 0:
                return None
            case 1:
                return chance.random() < 0.5
            case 2:
                return chance.choice([0, 1, -1, INTEGER_MAX, -INTEGER_MAX, 2**31, 10**15])
            case 3 | 4:
                return text()
            case 5:
                return [value(depth - 1) for _ in range(chance.randrange(4))]
            case _:
                return {text(): value(depth - 1) for _ in range(chance.randrange(5))}

    for _ in range(60_000):
        made = value(4)
        assert encode(made) == rfc8785.dumps(made)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (1.0, "float"),
        (-0.0, "float"),
        (1e300, "float"),
        (float("nan"), "float"),
        (float("inf"), "float"),
        (INTEGER_MAX + 1, "integer"),
        (-INTEGER_MAX - 1, "integer"),
        (2**64, "integer"),
        (10**400, "integer"),
        ("\ud800", "surrogate"),
        ("\udfff\ud800", "surrogate"),
        (Side.BUY, "type"),
        (Level.ONE, "type"),
        (Plain.ONE, "type"),
        (Text("a"), "type"),
        (Number(1), "type"),
        (Object(), "type"),
        (Pair(1), "type"),
        ((1,), "type"),
        ({1}, "type"),
        (b"a", "type"),
        (Decimal(1), "type"),
        (UUID(int=1), "type"),
        (datetime(2026, 1, 1, tzinfo=UTC), "type"),
        (Data(1), "type"),
        pytest.param(object(), "type", id="object"),
    ],
    ids=repr,
)
def test_what_would_be_ambiguous_is_refused_wherever_it_stands(value: object, why: str) -> None:
    assert reason(value) == why
    assert reason([value]) == why
    assert reason({"a": {"b": [1, {"c": value}]}}) == why


@pytest.mark.parametrize("key", [1, None, True, 1.5, (1,), Text("a"), Side.BUY, b"a"], ids=repr)
def test_a_key_that_is_no_string_is_refused(key: object) -> None:
    assert reason({key: 1}) == "key"


def test_a_lone_surrogate_in_a_key_is_refused() -> None:
    assert reason({"\ud800": 1}) == "surrogate"


@pytest.mark.parametrize("lists", [False, True])
def test_thirty_two_levels_are_the_most(lists: bool) -> None:  # noqa: FBT001 -- a parameter
    value: JsonObject = {"a": nested(DEPTH_MAX - 1, lists=lists)}
    assert decode(encode(value)) == value
    deeper: JsonObject = {"a": nested(DEPTH_MAX, lists=lists)}
    assert reason(deeper) == "depth"
    assert decode_reason(json.dumps(deeper, separators=(",", ":")).encode()) == "depth"


def test_many_containers_beside_one_another_are_no_depth() -> None:
    value: JsonObject = {"a": [[] for _ in range(100)], "b": "{[" * 50}
    assert decode(encode(value)) == value


def test_endless_nesting_is_refused_and_no_crash() -> None:
    assert decode_reason(b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}") in ("not_json", "depth")
    endless: list[object] = []
    endless.append(endless)
    assert reason(endless) == "depth"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"a":1,"a":1}', "not_canonical"),
        (b'{"a":1,"a":2}', "not_canonical"),
        (b'{"a":{"b":1,"b":1}}', "not_canonical"),
        (b'{"a": 1}', "not_canonical"),
        (b' {"a":1}', "not_canonical"),
        (b'{"a":1}\n', "not_canonical"),
        (b'{"b":1,"a":2}', "not_canonical"),
        (b'{"a":"\\u0061"}', "not_canonical"),
        (b'{"a":"\\/"}', "not_canonical"),
        (b'{"a":"\\u00E9"}', "not_canonical"),
        (b'{"a":"\\u001F"}', "not_canonical"),
        (b'{"a":-0}', "not_canonical"),
        (b'{"a":1.0}', "float"),
        (b'{"a":1e2}', "float"),
        (b'{"a":-0.0}', "float"),
        (b'{"a":[0.1]}', "float"),
        (b'{"a":9007199254740992}', "integer"),
        (b'{"a":-9007199254740993}', "integer"),
        (b'{"a":18446744073709551616}', "integer"),
        (b'{"a":1e999}', "float"),
        (b'{"a":NaN}', "not_json"),
        (b'{"a":01}', "not_json"),
        (b'{"a":+1}', "not_json"),
        (b'{"a":1_0}', "not_json"),
        (b'{"a":1,}', "not_json"),
        (b'{"a":"\x01"}', "not_json"),
        (b'{"a":"\\ud800"}', "not_json"),
        (b'{"a":"\xff"}', "not_json"),
        (b'{"a":"\xed\xa0\x80"}', "not_json"),
        (b'{"a":"\xc0\xaf"}', "not_json"),
        (b'\xef\xbb\xbf{"a":1}', "not_json"),
        (b'{"a":1}{"a":1}', "not_json"),
        (b'{"a":1}\x00', "not_json"),
        (b"", "not_json"),
        (b"[]", "not_object"),
        (b"null", "not_object"),
    ],
)
def test_other_bytes_of_an_object_are_refused(data: bytes, why: str) -> None:
    assert decode_reason(data) == why


@given(OBJECTS, st.data())
def test_a_byte_more_is_never_the_same(value: JsonObject, data: st.DataObject) -> None:
    canonical = encode(value)
    place = data.draw(st.integers(0, len(canonical)))
    more = canonical[:place] + b" " + canonical[place:]
    try:
        read = decode(more)
    except Misread:
        return
    # Within a string a space is another value.
    assert read != value


@given(st.binary(max_size=60))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    try:
        assert encode(decode(data)) == data
    except Misread:
        return


def test_a_struct_is_written_under_its_own_names() -> None:
    class Part(msgspec.Struct, rename="camel"):
        second_name: tuple[int, ...]
        a: str | None

    assert of_struct(Part((1, 2), None)) == b'{"a":null,"secondName":[1,2]}'
