"""Entry bundles, gzipped: the entries of a block in the archive (C2SP tlog-tiles, concatenated).

The same entries give the same bytes again, and exactly one gzip member is read: whatever stands
behind it would be seen by one program and not by another.
"""

import gzip
import struct
import zlib
from collections.abc import Sequence

from trading_runtime.errors import Misread
from trading_runtime.evidence.entry import ENTRY_BYTES_MAX
from trading_runtime.evidence.layout import BLOCK

LEVEL = 6
PLAIN_BYTES_MAX = BLOCK * (2 + ENTRY_BYTES_MAX)

_GZIP = 16 + zlib.MAX_WBITS
_LENGTH = struct.Struct(">H")


def write(entries: Sequence[bytes]) -> bytes:
    """Give the object of a block's entries."""
    pack = _LENGTH.pack
    plain = b"".join([part for entry in entries for part in (pack(len(entry)), entry)])
    return gzip.compress(plain, LEVEL, mtime=0)


def read(data: bytes) -> list[bytes]:
    """Give the entries of an object; raise :exc:`Misread` (``gzip``, ``trailing``, ``bundle``)."""
    unpacking = zlib.decompressobj(_GZIP)
    try:
        plain = unpacking.decompress(data, PLAIN_BYTES_MAX)
    except zlib.error as fault:
        raise Misread("gzip", str(fault)) from None
    if not unpacking.eof:
        raise Misread("gzip", "the member is cut, or holds more than a block can")
    if unpacking.unused_data:
        raise Misread("trailing", f"{len(unpacking.unused_data)} bytes behind the gzip member")
    return _split(plain)


def _split(plain: bytes) -> list[bytes]:
    entries: list[bytes] = []
    place = 0
    while place < len(plain):
        begin = place + _LENGTH.size
        place = begin + int.from_bytes(plain[place:begin], "big")
        if place > len(plain):
            raise Misread("bundle", f"entry {len(entries)} is cut")
        entries.append(plain[begin:place])
    if len(entries) > BLOCK:
        raise Misread("bundle", f"{len(entries)} entries")
    return entries
