"""Entries bent at random, read by both of the readers that were written apart from one another."""

import random
from hashlib import sha256

import pytest

from tests.evidence.builders import sealed
from tools import audit_verify
from trading_runtime.errors import Misread
from trading_runtime.evidence import entry

ENTRIES = (
    sealed(),
    sealed(
        after_state={
            "a": [1, -5, 2**53 - 1, None, True, {"b": "é\u2028\U0001f600\ue000"}],
            "\ue000": 1,
            "\U00010000": [],
        },
        user_id="José",
        entity_id="user:José",
    ),
    sealed(request_data={"n": [[[]]], "s": '\\"\n\x7f'}),
)
PIECES = (
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"1", b"0", b"-", b".", b"e", b"E", b" "),
    *(b"\n", b"\\u0041", b"\\ud800", b"\\ud83d\\ude00", b"\xc3\xa9", b"e\xcc\x81", b"\xff"),
    *(b"\xf0\x9f\x98\x80", b"\xee\x80\x80", b"null", b"true", b"9007199254740991", b"-0", b"1.0"),
    *(b"9007199254740992", b"1e2", b'"a":1', b',"a":1', b"NaN", b"\0", b"\x1f", b"\x7f", b"A"),
    *(b"\xc2\x85", b"\\/", b"\\b", b"\\u0008", b"Z", b"T", b"\xef\xbb\xbf", b"[" * 32),
)


def bent(chance: random.Random) -> bytes:
    """Give an entry after one to three changes, most of which leave no entry."""
    data = chance.choice(ENTRIES)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        place = chance.randrange(len(data))
        match chance.randrange(4):
            case 0:
                data = data[:place] + chance.choice(PIECES) + data[place:]
            case 1:
                behind = place + chance.randrange(1, 4)
                data = data[:place] + chance.choice(PIECES) + data[behind:]
            case 2:
                data = data[:place] + data[place + chance.randrange(1, 4) :]
            case _:
                flipped = bytes([data[place] ^ 1 << chance.randrange(8)])
                data = data[:place] + flipped + data[place + 1 :]
    return data


def second_reading(data: bytes) -> bytes | None:
    """Give SHA-256 of what was submitted, None where it is no entry."""
    try:
        return audit_verify.submission_hash(audit_verify.read_entry(data))
    except audit_verify.Wrong:
        return None


def first_reading(data: bytes) -> bytes | None:
    try:
        entry.read(data)
    except Misread:
        return None
    return sha256(entry.submission_of(data)[0]).digest()


def compare(rounds: int) -> int:
    """Compare the readers; give how many of the bent entries were entries still."""
    chance = random.Random(6962)  # noqa: S311 -- no secret
    whole = 0
    for _ in range(rounds):
        data = bent(chance)
        found = first_reading(data)
        assert found == second_reading(data), data
        whole += found is not None
    return whole


def test_both_readers_agree_on_what_is_an_entry_and_what_of_it_was_submitted() -> None:
    assert compare(5_000) > 100


@pytest.mark.soak
def test_both_readers_agree_for_long() -> None:
    assert compare(300_000) > 5_000
