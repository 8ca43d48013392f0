"""A key for each person: what is encrypted with it can be erased by destroying it.

A subject's key id is a keyed hash of the name, so that neither the id nor a list of ids tells who
is meant. The ciphertext is AES-256-GCM whose nonce is a keyed hash of the text: equal texts of one
subject are equal in the record, which keeps it searchable, and nothing else is learned (the
synthetic nonce of RFC 8452's idea; a key only ever encrypts names and addresses).
"""

import hashlib
import hmac
import os
import secrets
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from trading_runtime.errors import Refused
from trading_runtime.journal.durable import create_secret, make_folder, sync_folder, write_all

PREFIX = "enc:v1:"
KEY_BYTES = 32
NONCE_BYTES = 12
ID_HEX = 32
MASTER = "master.key"


class SubjectKeys:
    """Owns a folder of keys, mode 0600, that belongs to whoever makes the entries."""

    def __init__(self, folder: Path) -> None:
        make_folder(folder)
        folder.chmod(0o700)
        self._folder = folder
        self._keys: dict[str, bytes] = {}
        self._master = self._load(folder / MASTER)

    def key_id(self, subject: str) -> str:
        return hmac.digest(self._master, subject.encode(), "sha256").hex()[:ID_HEX]

    def holds(self, subject: str) -> bool:
        """Whether there is a key of the subject, so that anything concealed can be of it."""
        return self._path(self.key_id(subject)).exists()

    def conceal(self, subject: str, text: str) -> str:
        """Give ``text`` as only the holder of the subject's key can read it; make one if need be.

        A key that another process has destroyed is never used again: who comes back gets a new one.
        """
        name = self.key_id(subject)
        path = self._path(name)
        key = self._keys.get(name)
        if key is None or not path.exists():
            key = self._keys[name] = self._load(path)
        nonce = hmac.digest(key, text.encode(), "sha256")[:NONCE_BYTES]
        sealed = AESGCM(key).encrypt(nonce, text.encode(), name.encode())
        return f"{PREFIX}{name}:{b64encode(nonce + sealed).decode()}"

    def reveal(self, concealed: str) -> str | None:
        """Give the text again; None where its key has been destroyed.

        Raises:
            Refused: the text is none that :meth:`conceal` gave, or has been changed.
        """
        name, _, body = concealed.removeprefix(PREFIX).partition(":")
        path = self._path(name)
        if not concealed.startswith(PREFIX) or not name.isalnum():
            raise Refused(f"{concealed[:60]!r} is not an encrypted field: it begins with {PREFIX}")
        if not path.exists():
            return None
        try:
            sealed = b64decode(body, validate=True)
            opened = AESGCM(path.read_bytes()).decrypt(
                sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode()
            )
        except (InvalidTag, NotBase64, ValueError) as error:
            raise Refused(f"the field of key {name} has been changed, or its key has") from error
        return opened.decode()

    def fingerprint(self, name: str) -> str:
        """Give the SHA-256 of the key ``name``, which later proves which one was destroyed.

        Raises:
            Refused: there is no such key.
        """
        try:
            return hashlib.sha256(self._path(name).read_bytes()).hexdigest()
        except FileNotFoundError:
            raise Refused(f"there is no key {name} in {self._folder}: erased before?") from None

    def destroy(self, name: str) -> None:
        """Overwrite and remove the key ``name``: what it concealed is gone, wherever it is copied.

        A file system may keep old blocks: on a disk that others may get, encrypt the disk too.
        """
        path = self._path(name)
        descriptor = os.open(path, os.O_WRONLY)
        try:
            write_all(descriptor, bytes(KEY_BYTES))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        path.unlink()
        sync_folder(self._folder)
        self._keys.pop(name, None)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.key"

    def _load(self, path: Path) -> bytes:
        """Read a key, or make it: durable before anything is encrypted with it."""
        key = secrets.token_bytes(KEY_BYTES)
        try:
            create_secret(path, key)
        except FileExistsError:
            key = path.read_bytes()
            if len(key) != KEY_BYTES:
                raise Refused(f"{path} is no key of {KEY_BYTES} bytes: put back its copy") from None
        return key
