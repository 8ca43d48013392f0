"""A password or token by the name of its variable or of its file; it is never in the settings."""

import os
import stat
from pathlib import Path

from data_platform.notices.channel import Impossible

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def credential(variable: str, file: str) -> str:
    """Read the secret; raise :exc:`Impossible` where it is nowhere, or others may read it."""
    if file:
        path = Path(file)
        try:
            if path.stat().st_mode & OTHERS:
                raise Impossible(f"{path} can be read by others: chmod 600 it")
            return path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise Impossible(f"{path}: {error.strerror}") from None
    found = os.environ.get(variable, "")  # noqa: TID251 -- the settings name the variable
    if not found:
        raise Impossible(f"the environment has no {variable}")
    return found
