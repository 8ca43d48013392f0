"""The documented signatures, and what is refused."""

from base64 import b64encode
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from trading_runtime.errors import Refused
from trading_runtime.simulator.server.signing import (
    ApiKey,
    sorted_payload,
    timely,
    timestamp_us,
    without_signature,
)

DOCS_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"  # noqa: S105 -- of the documentation


def test_every_published_signature_is_accepted(shared_data: Path) -> None:
    vectors = msgspec.json.decode((shared_data / "protocol/signing_vectors.json").read_bytes())
    assert vectors
    for vector in vectors:
        key = ApiKey("key", "owner", vector["secret"], None)
        assert key.signed(vector["payload"].encode(), vector["signature"])
        assert key.signed(vector["payload"].encode(), vector["signature"].upper())
        assert not key.signed(vector["payload"].encode() + b" ", vector["signature"])


@pytest.mark.parametrize("line", [135, 136])
def test_the_documented_socket_requests_are_accepted(shared_data: Path, line: int) -> None:
    rows = (shared_data / "protocol/binance_spot_docs.jsonl").read_text().splitlines()
    params = msgspec.json.decode(rows[line - 1])["value"]["params"]
    key = ApiKey(params["apiKey"], "owner", DOCS_SECRET, None)
    payload = sorted_payload({name: str(value) for name, value in params.items()})
    assert key.signed(payload, params["signature"])


def test_an_ed25519_signature_is_verified() -> None:
    private = Ed25519PrivateKey.generate()
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    key = ApiKey("key", "owner", None, pem.decode())
    signature = b64encode(private.sign(b"a=1")).decode()
    assert key.may_log_on
    assert key.signed(b"a=1", signature)
    assert not key.signed(b"a=2", signature)
    assert not key.signed(b"a=1", "not base64")


def test_a_key_without_anything_to_check_by_is_refused() -> None:
    with pytest.raises(Refused):
        ApiKey("key", "owner", None, None)


@pytest.mark.parametrize(
    ("text", "rest", "signature"),
    [
        ("a=1&signature=ff", "a=1", "ff"),
        ("signature=ff&a=1", "a=1", "ff"),
        ("a=1", "a=1", None),
        ("", "", None),
        ("a=1&signature=a%2Fb%3D", "a=1", "a/b="),
    ],
)
def test_the_signature_is_no_part_of_what_is_signed(
    text: str, rest: str, signature: str | None
) -> None:
    assert without_signature(text) == (rest, signature)


def test_a_timestamp_may_be_in_milliseconds_or_microseconds() -> None:
    assert timestamp_us("1700000000000") == timestamp_us("1700000000000000")


def test_a_request_must_come_in_its_window() -> None:
    now = 1_700_000_000_000_000
    assert timely(now, 5_000_000, now) is None
    assert timely(now + 999_999, 5_000_000, now) is None
    assert "ahead" in str(timely(now + 1_000_000, 5_000_000, now))
    assert timely(now - 5_000_000, 5_000_000, now) is None
    assert "recvWindow" in str(timely(now - 5_000_001, 5_000_000, now))
