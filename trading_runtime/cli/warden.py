"""Run as a script: outlive the supervisor by a moment and leave no orphan behind.

It reads ``add GROUP`` and ``drop GROUP`` lines, the supervisor's process groups. When its input
ends while groups are left, the supervisor was killed: they get SIGTERM, and after a grace SIGKILL.
The kernel's own parent-death signal reaches only direct children; a group has their children too.
"""

import os
import select
import signal
import sys
from collections.abc import Iterable

GRACE_S = 10.0
POLL_S = 0.1


def signal_group(group: int, number: int) -> bool:
    """Send ``number`` to a process group, and say whether there was anyone in it."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


def groups_left(lines: Iterable[str]) -> dict[int, None]:
    groups: dict[int, None] = {}
    for line in lines:
        word, _, group = line.partition(" ")
        if word == "add":
            groups[int(group)] = None
        else:
            groups.pop(int(group), None)
    return groups


def end(groups: dict[int, None]) -> None:
    for group in groups:
        signal_group(group, signal.SIGTERM)
    for _ in range(int(GRACE_S / POLL_S)):
        if not any(signal_group(group, 0) for group in groups):
            return
        select.select([], [], [], POLL_S)
    for group in groups:
        signal_group(group, signal.SIGKILL)


if __name__ == "__main__":
    end(groups_left(sys.stdin))
