"""Requests to the bytes that leave, with key and signature where the venue wants them.

Signatures are HMAC-SHA256 in hexadecimal or Ed25519 in base64. Over HTTP the percent-encoded
parameters are signed exactly as they are sent. Over a socket the parameters are signed sorted by
name with the key among them and *not* encoded: that is how the venue's documents compute it.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from trading_runtime.core.venues.request import Request, Security, Signing
from trading_runtime.errors import Refused
from trading_runtime.gateway.keys import ApiKey, KeyKind

BLOCK_BYTES = 64
INNER = bytes(byte ^ 0x36 for byte in range(256))
OUTER = bytes(byte ^ 0x5C for byte in range(256))
UNRESERVED = "-._~"
PLAIN = re.compile(r"[A-Za-z0-9\-._~]*").fullmatch
FORM = ("Content-Type", "application/x-www-form-urlencoded")

Sign = Callable[[bytes], str]
encode = msgspec.json.Encoder().encode


class HttpCall(NamedTuple):
    """A signed request as it leaves; ``target`` is its path and query."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Signer:
    """Encodes and signs the requests of one key at one venue."""

    def __init__(self, key: ApiKey, signing: Signing) -> None:
        """Raise :exc:`Refused` when the secret is not what its kind says."""
        self._key = key.key
        self._sign = SIGNS[key.kind](key.secret)
        self._signing = signing
        self._numbers = tuple(signing.number_params)
        self._own = ((signing.key_param, key.key),)
        self._key_header = ((signing.key_header, key.key),)

    def message(self, request: Request) -> bytes:
        """Give the socket's text message."""
        params = request.params
        if request.security is not Security.NONE:
            params = tuple(sorted(params + self._own))
        fields: dict[str, str | int] = dict(params)
        for name in self._numbers:
            if name in fields:
                fields[name] = int(fields[name])
        if request.security is Security.SIGNED:
            payload = "&".join(map("=".join, params))
            fields[self._signing.signature_param] = self._sign(payload.encode())
        return encode({"id": request.name, "method": request.method, "params": fields})

    def call(self, request: Request) -> HttpCall:
        """Give the HTTP call."""
        sent = encoded(request.params)
        if request.security is Security.SIGNED:
            signature = quote(self._sign(sent.encode()), UNRESERVED)
            sent += f"{'&' if sent else ''}{self._signing.signature_param}={signature}"
        headers = () if request.security is Security.NONE else self._key_header
        if request.method in self._signing.form_methods:
            return HttpCall(request.method, request.path, (*headers, FORM), sent.encode())
        target = f"{request.path}?{sent}" if sent else request.path
        return HttpCall(request.method, target, headers, b"")


def encoded(params: tuple[tuple[str, str], ...]) -> str:
    """Write parameters percent-encoded, in their order; nearly all have nothing to encode."""
    if PLAIN("".join([text for _, text in params])):
        return "&".join(map("=".join, params))
    return "&".join([f"{name}={quote(text, UNRESERVED)}" for name, text in params])


def hmac_sha256(secret: str) -> Sign:
    """Give HMAC-SHA256 (RFC 2104) with the key hashed once; each signature copies both states."""
    key = secret.encode()
    if len(key) > BLOCK_BYTES:
        key = hashlib.sha256(key).digest()
    key = key.ljust(BLOCK_BYTES, b"\0")
    inner, outer = hashlib.sha256(key.translate(INNER)), hashlib.sha256(key.translate(OUTER))

    def sign(payload: bytes) -> str:
        within, around = inner.copy(), outer.copy()
        within.update(payload)
        around.update(within.digest())
        return around.hexdigest()

    return sign


def ed25519(secret: str) -> Sign:
    """Sign with a private key in PEM, not encrypted."""
    try:
        key = load_pem_private_key(secret.encode(), password=None)
    except (ValueError, TypeError):
        raise Refused("the secret is no private key in PEM without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise Refused("the private key is no Ed25519 key")
    private = key
    return lambda payload: b64encode(private.sign(payload)).decode()


SIGNS = {KeyKind.HMAC: hmac_sha256, KeyKind.ED25519: ed25519}
