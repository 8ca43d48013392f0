"""API keys, and whether a request was signed by one of them.

Rules (spot "Request Security", 2026-01-15; usdm "General Info"):
 * REST signs the query string followed by the body, without a separator, percent-encoded and in
   the order sent, without the ``signature`` parameter itself.
 * The WebSocket API signs all parameters but ``signature``, sorted by name, as ``name=value``
   joined by ``&``, in UTF-8.
 * HMAC-SHA256 is given in hex of either case, Ed25519 in Base64.
 * Accepted when ``timestamp < server + 1 s`` and ``server - timestamp <= recvWindow``.
"""

import hmac
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from trading_runtime.errors import Refused

AHEAD_MAX_US = 1_000_000
MICROSECONDS_FROM = 10**15
"""A timestamp of this size or more is in microseconds: clients may send either unit."""


class ApiKey:
    """A key, the account that it acts for, and how its signatures are checked."""

    __slots__ = ("_public", "_start", "key", "owner")

    def __init__(self, key: str, owner: str, secret: str | None, public_pem: str | None) -> None:
        """Take an HMAC ``secret`` or an Ed25519 public key; raise :exc:`Refused` for neither."""
        self.key = key
        self.owner = owner
        self._start = hmac.new(secret.encode(), digestmod=sha256) if secret else None
        self._public: Ed25519PublicKey | None = None
        if public_pem is not None:
            public = load_pem_public_key(public_pem.encode())
            if not isinstance(public, Ed25519PublicKey):
                raise Refused(f"the public key of {key} is no Ed25519 key")
            self._public = public
        if self._start is None and self._public is None:
            raise Refused(f"the key {key} has neither a secret nor a public key")

    @property
    def may_log_on(self) -> bool:
        """Only Ed25519 keys may authenticate a whole session."""
        return self._public is not None

    def signed(self, payload: bytes, signature: str) -> bool:
        """Say whether ``signature`` is this key's over ``payload``."""
        if self._start is not None:
            digest = self._start.copy()
            digest.update(payload)
            return hmac.compare_digest(digest.hexdigest().encode(), signature.lower().encode())
        try:
            self._public_key().verify(b64decode(signature, validate=True), payload)
        except (InvalidSignature, NotBase64, ValueError):
            return False
        return True

    def _public_key(self) -> Ed25519PublicKey:
        assert self._public is not None  # noqa: S101 -- one of the two is there: see __init__
        return self._public


class Keyring:
    """The keys that the venue knows."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] = {}

    def add_secret(self, key: str, secret: str, owner: str) -> None:
        """Register an HMAC key for the account ``owner``."""
        self._keys[key] = ApiKey(key, owner, secret, None)

    def add_public(self, key: str, public_pem: str, owner: str) -> None:
        """Register an Ed25519 key for the account ``owner``."""
        self._keys[key] = ApiKey(key, owner, None, public_pem)

    def find(self, key: str) -> ApiKey | None:
        return self._keys.get(key)


def without_signature(text: str) -> tuple[str, str | None]:
    """Take the ``signature`` out of a query string or form; give the rest as sent, and it."""
    if "signature=" not in text:
        return text, None
    kept, signature = [], None
    for part in text.split("&"):
        if part.startswith("signature="):
            signature = unquote(part[len("signature=") :])
        else:
            kept.append(part)
    return "&".join(kept), signature


def sorted_payload(parameters: Mapping[str, str]) -> bytes:
    """Write the parameters of a WebSocket API request as they are signed."""
    return "&".join(
        [f"{name}={parameters[name]}" for name in sorted(parameters) if name != "signature"]
    ).encode()


def timestamp_us(text: str) -> int:
    """Read a timestamp of digits, in milliseconds or microseconds, as microseconds."""
    value = int(text)
    return value if value >= MICROSECONDS_FROM else value * 1000


def timely(sent_us: int, window_us: int, server_us: int) -> str | None:
    """Say why a request of that time is refused (the text of -1021), or None."""
    if sent_us >= server_us + AHEAD_MAX_US:
        return "Timestamp for this request was 1000ms ahead of the server's time."
    if server_us - sent_us > window_us:
        return "Timestamp for this request is outside of the recvWindow."
    return None
