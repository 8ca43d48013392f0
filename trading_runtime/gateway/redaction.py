"""Secrets out of frames and answers before they are journaled.

Named fields lose their text, known secrets are replaced wherever they stand, and what was JSON
stays JSON: a fingerprint is letters and digits. A frame in which nothing of it occurs is only
searched, and given back as it is.
"""

import re
from collections.abc import Sequence

from trading_runtime.gateway.keys import fingerprint

KNOWN_MAX = 64
"""Listen keys come and go; the oldest known secret makes room, its lease has long run out."""
TEXT = rb'"((?:[^"\\]|\\.)*)"'


class Redactor:
    """Replaces secrets by fingerprints."""

    def __init__(self, fields: Sequence[str], salt: bytes) -> None:
        """``fields`` are names of JSON fields whose text is secret, whatever it is."""
        self._salt = salt
        self._names = tuple(f'"{field}"'.encode() for field in fields)
        names = b"|".join(re.escape(name) for name in self._names)
        self._named = re.compile(rb"(%b)(\s*:\s*)%b" % (names, TEXT))
        self._known: dict[bytes, bytes] = {}

    def know(self, secret: str) -> None:
        """Hide ``secret`` from now on wherever it stands."""
        if not secret:
            return
        if len(self._known) >= KNOWN_MAX:
            del self._known[next(iter(self._known))]
        self._known[secret.encode()] = self._fingerprint(secret)

    def redact(self, frame: bytes) -> bytes:
        """Give the frame without secrets; the same object when there is none in it."""
        for name in self._names:
            if name in frame:
                frame = self._named.sub(self._replaced, frame)
                break
        for secret, stands_for_it in self._known.items():
            if secret in frame:
                frame = frame.replace(secret, stands_for_it)
        return frame

    def _replaced(self, match: re.Match[bytes]) -> bytes:
        secret = match[3].decode(errors="replace")
        return match[1] + match[2] + b'"' + self._fingerprint(secret) + b'"'

    def _fingerprint(self, secret: str) -> bytes:
        return fingerprint(secret, self._salt).encode()
