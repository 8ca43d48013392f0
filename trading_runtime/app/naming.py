"""What sessions are called; apart from what they do, for whatever keeps a diary has one."""

import secrets
import string

from trading_runtime.clock import compact_text
from trading_runtime.records.units import Nanos

NONCE_LENGTH = 8
NONCE_LETTERS = string.ascii_lowercase + string.digits


def new_session(wall: Nanos) -> str:
    """Name a session: when it began, so that names sort by time, and a nonce for its orders."""
    nonce = "".join(secrets.choice(NONCE_LETTERS) for _ in range(NONCE_LENGTH))
    return f"{compact_text(wall)}-{nonce}"


def nonce_of(session: str) -> str:
    """Give the part of a session's name that its orders' ids carry: its last eight characters."""
    return session[-NONCE_LENGTH:]
