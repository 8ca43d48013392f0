"""Where everything of a log stands: below ``<data>/audit``, and in the archive.

``audit`` is the folder ``<data>/audit``, ``log`` the folder ``log`` in it; archive keys are text.
"""

import re
from pathlib import Path

BLOCK = 65_536
"""Entries of a block: then its root is one hash of a level-2 tile."""
TILE_WIDTH = 256
TILE_LEVEL_MAX = 63

_FRAMES = re.compile(r"([0-9]{6,})\.frames", re.ASCII)
_NOTES = re.compile(r"([0-9]{8,})\.note", re.ASCII)


def log_folder(audit: Path) -> Path:
    return audit / "log"


def trust_path(audit: Path) -> Path:
    return audit / "trust" / "trust.json"


def policy_path(audit: Path) -> Path:
    return audit / "trust" / "policy"


def checkpoint_path(log: Path) -> Path:
    return log / "checkpoint"


def frames_path(log: Path, block: int) -> Path:
    return log / "frames" / f"{block:06}.frames"


def frame_blocks(log: Path) -> list[int]:
    """Give the blocks that have a file of frames, in order."""
    return _numbers(log / "frames", _FRAMES, 6)


def blob_path(log: Path, sha256: str) -> Path:
    """Give the place of a large value by its hash, which is 64 hex characters."""
    return log / "blobs" / sha256[:2] / sha256


def digest_path(log: Path, number: int) -> Path:
    return log / digest_key(number)


def heads_path(log: Path, number: int) -> Path:
    return log / heads_key(number)


def digest_numbers(log: Path) -> list[int]:
    """Give the numbers of the digests that are there, in order."""
    return _numbers(log / "digests", _NOTES, 8)


def _numbers(folder: Path, pattern: re.Pattern[str], digits: int) -> list[int]:
    """Give the numbers in the names, each name being the only one that a number has."""
    if not folder.is_dir():
        return []
    found = (pattern.fullmatch(path.name) for path in folder.iterdir())
    texts = (match[1] for match in found if match)
    return sorted(int(text) for text in texts if text == f"{int(text):0{digits}}")


def tile_path(log: Path, level: int, number: int, width: int = TILE_WIDTH) -> Path:
    return log / tile_name(level, number, width)


def tile_name(level: int, number: int, width: int = TILE_WIDTH) -> str:
    """Give the name of a tile, full or partial (C2SP tlog-tiles); ``width`` is 1 to 256."""
    if not (0 <= level <= TILE_LEVEL_MAX and number >= 0 and 1 <= width <= TILE_WIDTH):
        raise ValueError(f"no tile {number} of level {level} has {width} hashes")
    suffix = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{level}/{tile_number(number)}{suffix}"


def tile_number(number: int) -> str:
    """Write a tile's number in parts of three digits, all but the last behind an ``x``."""
    text = f"{number % 1000:03}"
    while number := number // 1000:
        text = f"x{number % 1000:03}/{text}"
    return text


def digest_key(number: int) -> str:
    return f"digests/{number:08}.note"


def heads_key(number: int) -> str:
    return f"heads/{number:08}.heads"


def block_key(block: int, count: int = BLOCK) -> str:
    """Give what the archive's objects of a block begin with, partial while ``count`` is small."""
    return f"blocks/{block:06}" if count == BLOCK else f"blocks/{block:06}.p/{count}"


def bundles_key(block: int, count: int = BLOCK) -> str:
    return f"{block_key(block, count)}/entries.bundles.gz"


def parquet_key(block: int, count: int = BLOCK) -> str:
    return f"{block_key(block, count)}/entries.parquet"
