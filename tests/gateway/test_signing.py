"""What leaves is encoded and signed as the venue's own documents compute it."""

import hashlib
import hmac
import json
from base64 import b64decode
from pathlib import Path
from urllib.parse import parse_qsl, unquote

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.core.venues.request import Request, Route, Security, Signing
from trading_runtime.errors import Refused
from trading_runtime.gateway.keys import ApiKey, KeyKind
from trading_runtime.gateway.signing import HttpCall, Signer, encoded, hmac_sha256

SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"  # noqa: S105 -- out of the documents
SIGNING = Signing(
    key_header="X-KEY",
    key_param="apiKey",
    signature_param="signature",
    form_methods=frozenset({"POST", "PUT"}),
    number_params=frozenset({"timestamp", "recvWindow"}),
)
HMAC_SIGNER = Signer(ApiKey("k", SECRET, KeyKind.HMAC), SIGNING)
PARAMS = (
    ("symbol", "LTCBTC"),
    ("side", "BUY"),
    ("type", "LIMIT"),
    ("timeInForce", "GTC"),
    ("quantity", "1"),
    ("price", "0.1"),
    ("recvWindow", "5000"),
    ("timestamp", "1499827319559"),
)
SIGNATURE = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"


def request(
    method: str, params: tuple[tuple[str, str], ...], security: Security = Security.SIGNED
) -> Request:
    return Request("p-1", Route.HTTP, method, "/api/v3/order", params, security, 1)


def test_the_documented_vectors_of_http(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "protocol" / "signing_vectors.json").read_text())
    assert len(vectors) == 5
    for vector in vectors:
        signed = hmac_sha256(vector["secret"])(vector["payload"].encode())
        assert signed == vector["signature"]


def test_a_form_and_a_query_carry_what_is_signed() -> None:
    query = "&".join(f"{name}={text}" for name, text in PARAMS)
    assert HMAC_SIGNER.call(request("POST", PARAMS)) == HttpCall(
        "POST",
        "/api/v3/order",
        (("X-KEY", "k"), ("Content-Type", "application/x-www-form-urlencoded")),
        f"{query}&signature={SIGNATURE}".encode(),
    )
    assert HMAC_SIGNER.call(request("DELETE", PARAMS)) == HttpCall(
        "DELETE", f"/api/v3/order?{query}&signature={SIGNATURE}", (("X-KEY", "k"),), b""
    )


def test_what_is_not_ascii_is_encoded_before_it_is_signed() -> None:
    params = (("symbol", "\uff11\uff12\uff13\uff14\uff15\uff16"), *PARAMS[1:])
    target = HMAC_SIGNER.call(request("GET", params)).target
    assert target.startswith("/api/v3/order?symbol=%EF%BC%91%EF%BC%92%EF%BC%93")
    assert target.endswith("e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3")


def test_only_what_is_asked_for_is_proved() -> None:
    assert HMAC_SIGNER.call(request("GET", (), Security.NONE)) == HttpCall(
        "GET", "/api/v3/order", (), b""
    )
    assert HMAC_SIGNER.call(request("PUT", (), Security.KEY)).headers[0] == ("X-KEY", "k")
    empty = HMAC_SIGNER.call(request("GET", ())).target
    assert empty.startswith("/api/v3/order?signature=")
    for security, names in ((Security.NONE, {"a"}), (Security.KEY, {"a", "apiKey"})):
        message = HMAC_SIGNER.message(request("ping", (("a", "b"),), security))
        assert json.loads(message)["params"].keys() == names


def test_the_documented_vectors_of_the_socket(shared_data: Path) -> None:
    """Sorted, with the key, and not encoded, not even what is not ASCII."""
    checked = 0
    fixtures = shared_data / "protocol" / "binance_spot_docs.jsonl"
    for line in fixtures.read_text().splitlines():
        case = json.loads(line)
        if case["heading"] != "SIGNED request example (HMAC)":
            continue
        params = case["value"]["params"]
        if "FILL ME" in params["signature"]:
            continue
        key = ApiKey(params.pop("apiKey"), SECRET, KeyKind.HMAC)
        signature = params.pop("signature")
        pairs = tuple((name, str(value)) for name, value in params.items())
        asked = Request(
            case["value"]["id"], Route.SOCKET, "order.place", "", pairs, Security.SIGNED, 1
        )
        message = json.loads(Signer(key, SIGNING).message(asked))
        assert message == case["value"] | {
            "params": params | {"apiKey": key.key, "signature": signature}
        }
        checked += 1
    assert checked == 2


def pem(key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def test_an_ed25519_key_signs_in_base64_that_survives_a_query() -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    signer = Signer(ApiKey("k", pem(private), KeyKind.ED25519), SIGNING)
    for count in range(20):  # some signatures have + and / in them
        params = (("quantity", str(count)),)
        payload, _, signature = signer.call(request("GET", params)).target.partition("&signature=")
        assert "+" not in signature
        assert "/" not in signature
        private.public_key().verify(
            b64decode(unquote(signature)), payload.partition("?")[2].encode()
        )
        message = json.loads(signer.message(request("order.place", params)))
        private.public_key().verify(
            b64decode(message["params"]["signature"]), f"apiKey=k&quantity={count}".encode()
        )


@pytest.mark.parametrize("secret", ["abc", pem(ec.generate_private_key(ec.SECP256R1()))])
def test_a_secret_that_is_no_such_key_is_refused_without_showing_it(secret: str) -> None:
    with pytest.raises(Refused) as refusal:
        Signer(ApiKey("k", secret, KeyKind.ED25519), SIGNING)
    assert secret not in str(refusal.value)


@given(st.text(min_size=1, max_size=200), st.binary(max_size=300))
def test_the_copied_states_are_the_standard_hmac(secret: str, payload: bytes) -> None:
    known = hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()
    sign = hmac_sha256(secret)
    assert sign(payload) == known
    assert sign(payload) == known


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "symbol"]), texts), max_size=5))
def test_whatever_is_encoded_reads_back(pairs: list[tuple[str, str]]) -> None:
    sent = encoded(tuple(pairs))
    assert sent.isascii()
    assert " " not in sent
    assert "+" not in sent
    assert parse_qsl(sent, keep_blank_values=True) == pairs


@given(st.dictionaries(st.text(st.sampled_from("abcXYZ"), min_size=1), texts, max_size=8))
def test_a_message_is_json_with_the_texts_as_they_were(params: dict[str, str]) -> None:
    asked = Request("n", Route.SOCKET, "m", "", tuple(params.items()), Security.SIGNED, 1)
    message = msgspec.json.decode(HMAC_SIGNER.message(asked))
    assert message["params"].items() >= params.items()
    payload = "&".join(f"{k}={v}" for k, v in sorted((params | {"apiKey": "k"}).items()))
    assert message["params"]["signature"] == hmac_sha256(SECRET)(payload.encode())
