"""Small file systems of their own: one that loses its power, two that fill up. They need root."""

import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
"""Of EXT4_IOC_SHUTDOWN: what is in the log's memory and in dirty pages is dropped."""
EXT4_MEBIBYTES = 32
TMPFS_MEBIBYTES = 4


def skip_unless_mounting() -> None:
    """Skip where file systems cannot be made and mounted."""
    if os.geteuid() != 0:
        pytest.skip("not root: no file system of its own can be mounted")
    for tool in ("mkfs.ext4", "mount", "umount"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: no file system of its own can be mounted")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def fill(path: Path, leave: int) -> None:
    """Take all room of the disk but about ``leave`` bytes."""
    with path.open("wb", buffering=0) as file:
        with suppress(OSError):
            while file.write(bytes(4096)):
                pass
        file.truncate(max(0, path.stat().st_size - leave))


class LoopDisk:
    """An ext4 in a file, mounted; its power can be cut."""

    def __init__(self, folder: Path) -> None:
        self._image = folder / "disk.img"
        self.root = folder / "disk"
        self.root.mkdir()
        with self._image.open("wb") as file:
            file.truncate(EXT4_MEBIBYTES * 1024 * 1024)
        _run("mkfs.ext4", "-q", "-F", str(self._image))

    def mount(self) -> None:
        _run("mount", "-o", "loop", str(self._image), str(self.root))

    def unmount(self) -> None:
        _run("umount", str(self.root))

    def cut_power(self) -> None:
        """Drop all that was not synced; every later write or sync fails."""
        descriptor = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(descriptor)


@contextmanager
def loop_disk(folder: Path) -> Iterator[LoopDisk]:
    skip_unless_mounting()
    disk = LoopDisk(folder)
    try:
        disk.mount()
    except subprocess.CalledProcessError as refused:
        pytest.skip(f"a loop device cannot be mounted here: {refused.stderr.decode().strip()}")
    try:
        yield disk
    finally:
        disk.unmount()


@contextmanager
def tmpfs(folder: Path) -> Iterator[Path]:
    skip_unless_mounting()
    root = folder / "tmpfs"
    root.mkdir()
    try:
        _run("mount", "-t", "tmpfs", "-o", f"size={TMPFS_MEBIBYTES}m", "tmpfs", str(root))
    except subprocess.CalledProcessError as refused:
        pytest.skip(f"a tmpfs cannot be mounted here: {refused.stderr.decode().strip()}")
    try:
        yield root
    finally:
        _run("umount", str(root))
