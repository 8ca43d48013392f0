"""A segment's bytes by offset, from a raw file that grows or from a compressed one."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from trading_runtime.journal.sealing import chunks_of_sealed


class Source(Protocol):
    def read(self, offset: int, size: int) -> bytes:
        """Give up to ``size`` bytes from ``offset`` on; fewer where there are no more now."""
        ...

    def close(self) -> None: ...


class RawSource:
    """An open file keeps its bytes, also when sealing has taken its name away."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY)

    def read(self, offset: int, size: int) -> bytes:
        return os.pread(self._descriptor, size, offset)

    def close(self) -> None:
        os.close(self._descriptor)


class SealedSource:
    """Reads forwards only: an offset is never smaller than the one before."""

    def __init__(self, path: Path) -> None:
        self._chunks: Iterator[bytes] = chunks_of_sealed(path)
        self._held = b""
        self._start = 0
        """The offset of the first byte held."""

    def read(self, offset: int, size: int) -> bytes:
        """See :class:`Source`; raises zstandard.ZstdError where the file is damaged."""
        self._drop(offset)
        parts, have = [self._held], len(self._held)
        while offset + size > self._start + have:
            chunk = next(self._chunks, b"")
            if not chunk:
                break
            parts.append(chunk)
            have += len(chunk)
            if self._start + have <= offset:
                # All of it lies before what is asked for.
                self._start += have
                parts, have = [], 0
        self._held = b"".join(parts)
        self._drop(offset)
        return self._held[:size]

    def close(self) -> None:
        self._chunks = iter(())

    def _drop(self, offset: int) -> None:
        gone = min(max(0, offset - self._start), len(self._held))
        self._held = self._held[gone:]
        self._start += gone
