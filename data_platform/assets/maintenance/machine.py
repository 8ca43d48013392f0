"""The machine itself: load, memory, GPU if there is one, updates that wait for someone."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from data_platform.assets.reports.report import Item, attention, missing, plain

REBOOT = Path("/var/run/reboot-required")
MEMORY = Path("/proc/meminfo")
ANSWER_S = 60
"""For a program that is asked about the machine."""
GPU_QUERY = (
    "nvidia-smi",
    "--query-gpu=name,utilization.gpu,memory.used,memory.total,temperature.gpu",
    "--format=csv,noheader",
)
UPGRADABLE = re.compile(r"^(?P<name>[^/\s]+)/(?P<suites>\S+) \S+ \S+", re.MULTILINE)
PENDING_SHOWN = 10


def said(words: Sequence[str]) -> str | None:
    """Give what a program prints, ``None`` where there is none or it does not answer."""
    if shutil.which(words[0]) is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 -- words of our own, no shell
            words,
            capture_output=True,
            text=True,
            check=False,
            timeout=ANSWER_S,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 else None


def load() -> Item:
    """Give the load average of 15 minutes over the count of cores."""
    cores, averages = os.cpu_count() or 1, os.getloadavg()
    item = plain("Load over 15 minutes", f"{averages[2]:.2f} on {cores} cores")
    return attention(item, "more than its cores can do") if averages[2] > 2 * cores else item


def memory_of(meminfo: str) -> Item:
    """Read ``/proc/meminfo``; ``MemAvailable`` is what can be had without swapping."""
    known = dict(re.findall(r"^(\w+):\s+(\d+) kB$", meminfo, re.MULTILINE))
    if not {"MemTotal", "MemAvailable"} <= known.keys():
        return missing("Memory available", "the kernel does not say")
    total, free = int(known["MemTotal"]), int(known["MemAvailable"])
    item = plain("Memory available", f"{free // 1024} of {total // 1024}", "MiB")
    return attention(item, "less than a twentieth is left") if free * 20 < total else item


def memory() -> Item:
    if not MEMORY.exists():
        return missing("Memory available", f"there is no {MEMORY}")
    return memory_of(MEMORY.read_text(encoding="ascii"))


def gpu_of(answer: str | None) -> Item:
    """Read what ``nvidia-smi`` says, a line for each GPU."""
    lines = (answer or "").strip().splitlines()
    if not lines:
        return missing("GPU", "there is none, or no nvidia-smi")
    return plain("GPU", "; ".join(it.strip() for it in lines))


def updates_of(answer: str | None, *, reboot: bool) -> tuple[Item, ...]:
    """Read what ``apt list --upgradable`` says; security updates are told apart by their suite."""
    if answer is None:
        return (missing("Pending updates", "there is no apt here, or it does not answer"),)
    found = [(it["name"], it["suites"]) for it in UPGRADABLE.finditer(answer)]
    security = [name for name, suites in found if "-security" in suites]
    named = ", ".join(security[:PENDING_SHOWN])
    item = plain("Pending updates", f"{len(found)}, {len(security)} of them for security")
    restart = plain("Reboot required", "yes" if reboot else "no")
    return (
        attention(item, f"security: {named}") if security else item,
        attention(restart, "an update waits for it") if reboot else restart,
    )


def look(*, updates: bool) -> tuple[Item, ...]:
    waiting: tuple[Item, ...] = ()
    if updates:
        listed = said(("apt", "list", "--upgradable"))
        waiting = updates_of(listed, reboot=REBOOT.exists())
    return (load(), memory(), gpu_of(said(GPU_QUERY)), *waiting)
