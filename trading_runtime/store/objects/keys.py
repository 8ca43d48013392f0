"""Which keys an archive takes: relative paths that mean one thing on every store."""

import re

from trading_runtime.errors import Refused

KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
"""No part is empty or begins with a dot: so none leads out of the root or to what is not listed."""
KEY_LENGTH_MAX = 512
"""Half of what S3 takes, so that a prefix fits before it."""


def checked(key: str) -> str:
    """Give ``key`` back, or raise :exc:`Refused`."""
    if len(key) > KEY_LENGTH_MAX or KEY.fullmatch(key) is None:
        raise Refused(f"{key!r} is no key of an archive: parts of A-Z a-z 0-9 _ . - between /")
    return key
