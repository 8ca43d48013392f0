"""Nothing secret passes, JSON stays JSON, and a harmless frame is not touched."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.gateway.keys import fingerprint
from trading_runtime.gateway.redaction import KNOWN_MAX, Redactor

SALT = b"s" * 32
FIELDS = ("listenKey", "apiKey", "signature")


def test_named_fields_become_fingerprints_wherever_they_stand() -> None:
    frame = b'{"a":[{"listenKey":"pqia91"}],"apiKey" : "k\\"ey","signature":"","price":"1.0"}'
    redacted = json.loads(Redactor(FIELDS, SALT).redact(frame))
    assert redacted == {
        "a": [{"listenKey": fingerprint("pqia91", SALT)}],
        "apiKey": fingerprint('k\\"ey', SALT),
        "signature": fingerprint("", SALT),
        "price": "1.0",
    }


def test_a_known_secret_is_hidden_wherever_it_stands() -> None:
    redactor = Redactor(FIELDS, SALT)
    redactor.know("pqia91ma19a5s61")
    redactor.know("")
    frame = b'{"e":"x","msg":"stream pqia91ma19a5s61 expired","pqia91ma19a5s61":1}'
    assert b"pqia91ma19a5s61" not in redactor.redact(frame)
    assert fingerprint("pqia91ma19a5s61", SALT).encode() in redactor.redact(frame)


def test_a_frame_without_secrets_is_given_back_as_it_is() -> None:
    redactor = Redactor(FIELDS, SALT)
    redactor.know("secret")
    frame = b'{"e":"depthUpdate","listenKeys":1,"b":[["1.0","2.0"]]}'
    assert redactor.redact(frame) is frame


def test_the_oldest_known_secret_makes_room() -> None:
    redactor = Redactor(FIELDS, SALT)
    for count in range(KNOWN_MAX + 1):
        redactor.know(f"secret-{count:04}-")
    assert redactor.redact(b"secret-0000-") == b"secret-0000-"
    assert b"secret" not in redactor.redact(b"secret-0001- secret-0064-")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", *FIELDS]) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


def hidden(value: object) -> object:
    """Do to a decoded value what the redactor does to bytes."""
    if isinstance(value, dict):
        return {
            name: "?" if name in FIELDS and isinstance(inner, str) else hidden(inner)
            for name, inner in value.items()
        }
    return [hidden(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("ascii_only", [True, False])
@given(value=values)
def test_only_the_named_texts_change(value: object, ascii_only: bool) -> None:  # noqa: FBT001
    frame = json.dumps(value, ensure_ascii=ascii_only).encode(errors="replace")
    redacted = json.loads(Redactor(FIELDS, SALT).redact(frame))
    assert hidden(redacted) == hidden(json.loads(frame))


@given(st.binary(max_size=60))
def test_any_bytes_at_all_are_survived(data: bytes) -> None:
    Redactor(FIELDS, SALT).redact(b'{"apiKey":"' + data)
