"""Which containers of this process grow: by how many entries, between two looks."""

import gc
from collections import deque
from typing import NamedTuple

KINDS = (dict, list, set, deque, bytearray)
Sized = dict[object, object] | list[object] | set[object] | deque[object] | bytearray


class Hoard(NamedTuple):
    """A container that grew; ``like`` is what it holds, in part."""

    kind: str
    before: int
    after: int
    like: str


class Look:
    """All containers that anything reaches now, and their lengths.

    Those that hold only plain values are unknown to the collector, and are found through others.
    A :class:`Look` keeps what it has seen alive, so that an address means the same container.
    """

    def __init__(self) -> None:
        gc.collect()
        gc.unfreeze()
        tracked = gc.get_objects()
        self.objects = len(tracked)
        # Two, and no pairs in one: a look must not be what grows.
        self._found: dict[int, Sized] = {}
        self._lengths: dict[int, int] = {}
        own = tuple(map(id, (tracked, self._found, self._lengths, self.__dict__)))
        waiting = tracked
        while waiting:
            plain: list[object] = []
            for each in gc.get_referents(*waiting):
                if isinstance(each, KINDS) and id(each) not in self._found:
                    if id(each) not in own:
                        self._found[id(each)] = each
                        self._lengths[id(each)] = len(each)
                    if not gc.is_tracked(each):
                        plain.append(each)
            waiting = plain
        # What stands need not be walked by every other test of this worker; the next look thaws it.
        gc.freeze()

    def grown(self, entries: int) -> list[Hoard]:
        """Give the containers that have grown by more than so many ``entries`` since."""
        return [
            Hoard(type(each).__name__, before, len(each), repr(each)[:200])
            for each, before in zip(self._found.values(), self._lengths.values(), strict=True)
            if len(each) - before > entries
        ]
