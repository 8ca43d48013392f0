"""Attacks 24 to 34: bytes that some parser takes for the same entry, put in its place by the log's host.

Frames and tiles are made over each time, so that nothing but the rule of the format can notice
where it stands; the signed root notices too, but not which entry it was.
"""

from collections.abc import Callable

from tests.audit.attacks.entries import batch_end, entity_of
from tests.audit.attacks.forging import canonical
from tests.audit.attacks.scenes import Act, Attack, Scene


def put(change: Callable[[bytes], bytes]) -> Act:
    """Put changed bytes in the place of an entry."""

    def act(scene: Scene) -> None:
        index = entity_of(scene)[1]
        before = scene.forgery.entries[index]
        scene.forgery.entries[index] = change(before)
        assert scene.forgery.entries[index] != before
        scene.victim = index
        scene.made_over()

    return act


def swap(old: bytes, new: bytes) -> Act:
    return put(lambda data: data.replace(old, new, 1))


def state(value: bytes) -> Act:
    """Put other bytes in the place of ``afterState``."""

    def change(data: bytes) -> bytes:
        start = len(b'{"afterState":')
        end = data.index(b',"beforeState"')
        return data[:start] + value + data[end:]

    return put(change)


def two_forms_of_a_name(scene: Scene) -> None:
    """One name in the forms C and D: two entities that look like one."""
    index = entity_of(scene)[0]
    scene.forgery.edit(index, entityId="user:zoe\u0308")
    scene.victim = index
    scene.forgery.rechain()
    scene.made_over()


def time_without_fraction(scene: Scene) -> None:
    """What an encoder makes of a datetime that slipped in."""
    index = entity_of(scene)[1]
    moment = str(scene.forgery.value(index)["eventTime"])
    scene.forgery.edit(index, eventTime=moment[:-1] + "+00:00")
    scene.victim = index
    scene.made_over()


def too_long(data: bytes) -> bytes:
    text = b'{"x":"' + b"x" * (65_536 - len(data)) + b'"}'
    return data.replace(b'"beforeState":null', b'"beforeState":' + text, 1)


def shifted(scene: Scene) -> None:
    """One byte wanders from the payload into the hash before it; a plain concatenation is equal."""
    index = entity_of(scene)[1]
    value = scene.forgery.value(index)
    user, previous = str(value["userId"]), str(value["previousHash"])
    scene.forgery.entries[index] = canonical(
        value | {"userId": user[:-1], "previousHash": user[-1] + previous}
    )
    scene.victim = index
    scene.made_over()


def number(text: bytes) -> Act:
    return state(b'{"n":' + text + b"}")


def null_for_nan(scene: Scene) -> None:
    """The same as an encoder that writes null for NaN: in form, and yet not what was signed."""
    number(b"null")(scene)
    scene.forgery.rechain()
    scene.victim = batch_end(scene, entity_of(scene)[1])
    scene.made_over()


DEEP = b'{"a":' * 32 + b"1" + b"}" * 32

ATTACKS = [
    Attack(24, "a key twice", swap(b'{"afterState"', b'{"afterState":null,"afterState"'), 1, "entry"),
    Attack(25, "a blank between", swap(b'"beforeState":', b'"beforeState": '), 1, "entry"),
    Attack(25, "an escape for the same letter", swap(b'"eventType":"O', b'"eventType":"\\u004f'), 1, "entry"),
    Attack(26, "1.0 for 1", number(b"1.0"), 1, "entry"),
    Attack(26, "1e2 for 100", number(b"1e2"), 1, "entry"),
    Attack(26, "-0 for 0", number(b"-0"), 1, "entry"),
    Attack(27, "2^53 + 1, the double of 2^53", number(b"9007199254740993"), 1, "entry"),
    Attack(27, "2^53", number(b"9007199254740992"), 1, "entry"),
    Attack(28, "NaN", number(b"NaN"), 1, "entry"),
    Attack(28, "null for NaN", null_for_nan, 1, "producer-signature"),
    Attack(29, "keys by code points, an astral one among them",
           state('{"\ue000":1,"\U00010000":2}'.encode()), 1, "entry"),
    Attack(30, "a name in normal form D", two_forms_of_a_name, 1, "entry"),
    Attack(31, "a lone surrogate, escaped", state(b'{"a":"\\ud800"}'), 1, "entry"),
    Attack(31, "a lone surrogate, as bytes", state(b'{"a":"\xed\xa0\x80"}'), 1, "entry"),
    Attack(32, "33 levels", state(DEEP), 1, "entry"),
    Attack(32, "10,000 levels", state(b'{"a":' * 10_000 + b"1" + b"}" * 10_000), 1, "entry"),
    Attack(32, "64 KiB and a byte", put(too_long), 1, "entry"),
    Attack(33, "a time that is no time of the format", time_without_fraction, 1, "entry"),
    Attack(34, "a byte moved from the payload into the hash", shifted, 1, "entry"),
]  # fmt: skip
