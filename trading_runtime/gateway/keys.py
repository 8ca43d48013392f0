"""API keys: where they come from, and how they may be spoken of.

A key comes from the environment or from a TOML file of mode 0600 with ``key``, ``secret`` and
perhaps ``kind`` (``hmac`` or ``ed25519``, whose secret is a private key in PEM). It never appears
in a representation, a log or a record; what stands for it there is :func:`fingerprint`, which is
keyed with a salt of this installation, so that it cannot be looked up by trying keys.
"""

import hmac
import os
import secrets
import stat
import tomllib
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import final

import msgspec

from trading_runtime.errors import Refused

SALT_BYTES = 32
FINGERPRINT_LETTERS = 16
OTHERS = stat.S_IRWXG | stat.S_IRWXO


class KeyKind(Enum):
    """How a key signs."""

    HMAC = "hmac"
    ED25519 = "ed25519"


@final
class ApiKey:
    """A key and its secret; neither can be seen by accident."""

    __slots__ = ("key", "kind", "secret")

    def __init__(self, key: str, secret: str, kind: KeyKind) -> None:
        self.key = key
        self.secret = secret
        self.kind = kind

    def __repr__(self) -> str:
        return f"ApiKey({self.kind.value})"

    def __reduce__(self) -> str:
        raise TypeError("an API key is not copied out of its process")


class KeyFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands in the file."""

    key: str
    secret: str
    kind: KeyKind = KeyKind.HMAC

    def __repr__(self) -> str:
        return "KeyFile()"


def key_from_file(path: Path) -> ApiKey:
    """Read a key file that nobody else may read.

    Raises:
        Refused: when it cannot be read, others may touch it, or it holds no key.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & OTHERS:
                raise Refused(f"key file {path} has mode {stat.S_IMODE(mode):04o}, not 0600")
            text = file.read().decode()
    except (OSError, UnicodeDecodeError) as fault:
        raise Refused(f"key file {path} cannot be read: {fault}") from None
    try:
        content = msgspec.convert(tomllib.loads(text), KeyFile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as fault:
        raise Refused(f"key file {path} is no key file: {fault}") from None
    return checked(content, f"key file {path}")


def key_from_environment(environment: Mapping[str, str], prefix: str) -> ApiKey | None:
    """Take ``<prefix>_KEY``, ``<prefix>_SECRET`` and perhaps ``<prefix>_KIND``; None without a key.

    Raises:
        Refused: when only a part is there, or the kind is none.
    """
    found = {
        name: environment[variable]
        for name in ("key", "secret", "kind")
        if (variable := f"{prefix}_{name.upper()}") in environment
    }
    if not found:
        return None
    try:
        content = msgspec.convert(found, KeyFile)
    except msgspec.ValidationError as fault:
        raise Refused(f"{prefix}_KEY and its like in the environment: {fault}") from None
    return checked(content, f"{prefix}_KEY and its like in the environment")


def checked(content: KeyFile, origin: str) -> ApiKey:
    plain = content.key.isascii() and content.key.isprintable() and " " not in content.key
    if not content.key or not plain or not content.secret:
        raise Refused(f"{origin}: key or secret is empty or has strange characters")
    return ApiKey(content.key, content.secret, content.kind)


def fingerprint(value: str, salt: bytes) -> str:
    """Give what stands for a secret in records: 16 hexadecimal letters of a keyed hash."""
    return hmac.digest(salt, value.encode(), "sha256").hex()[:FINGERPRINT_LETTERS]


def installation_salt(path: Path) -> bytes:
    """Read the salt of this installation, or make it at the first time.

    Raises:
        Refused: when it can be neither read nor made, or others may touch it.
    """
    try:
        if not path.exists():
            _make_salt(path)
        return _read_salt(path)
    except OSError as fault:
        raise Refused(f"salt file {path} cannot be read or made: {fault}") from None


def _make_salt(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(SALT_BYTES))
        file.flush()
        os.fsync(file.fileno())


def _read_salt(path: Path) -> bytes:
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        salt = file.read(SALT_BYTES + 1)
    if mode & OTHERS:
        raise Refused(f"salt file {path} has mode {stat.S_IMODE(mode):04o}, not 0600")
    if len(salt) != SALT_BYTES:
        raise Refused(f"salt file {path} has {len(salt)} bytes, not {SALT_BYTES}")
    return salt
