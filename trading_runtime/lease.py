"""The runtime's lease to trade: a small file in shared memory, written by it and its watchdog.

Rules:
 * All times are of ``CLOCK_MONOTONIC``, which all processes of one boot share.
 * The runtime beats; it may send while its own last beat is no older than the lease is long. A
   lease that has run out stays so: no later beat brings it back, only a new generation does.
 * The watchdog fires once a beat is older than the lease by a margin. So whatever it does comes at
   least the margin after the last send, however either process was held up in between: what it saw
   of a generation that has run out cannot change any more.
 * The word that it writes first stops the runtime too, should the two ever differ.
 * The file is locked while its runtime lives. The watchdog arms itself for a generation that it
   found locked in two looks running, so never for what another boot has left; to look at the lock
   it does not take it, and so keeps no runtime out.

The file is five native words, each read and written whole: a mark, the generation (0: nobody's),
the last beat, the length, and the generation that the watchdog fired at (0: none).
"""

import fcntl
import hashlib
import mmap
import os
import secrets
import stat
import struct
from enum import Enum
from pathlib import Path
from typing import NamedTuple, Self, final

from trading_runtime.errors import Refused
from trading_runtime.records.units import Nanos

MARK = 0x7A31_E5A1_7A9E_DEC4
"""Tells a lease, of this layout and byte order, from any other file."""
MARK_WORD, GENERATION, BEAT, LENGTH, FIRED = range(5)
SIZE = 4096
WORD = struct.Struct("Q")
NOBODY = 0
OWN_FOLDER = 0o700
DIGEST_LETTERS = 16
_LEASE = Path("run") / "lease"


def lease_path(data: Path) -> Path:
    return data / _LEASE


@final
class Lease:
    """The runtime's end; owned by the thread that sends."""

    __slots__ = ("_beat", "_descriptor", "_map", "_words", "generation", "length_ns")

    def __init__(self, descriptor: int, length_ns: Nanos, now: Nanos) -> None:
        """Take the locked file; :meth:`take` is how one comes by it."""
        self._descriptor = descriptor
        self._map, self._words = _mapped(descriptor)
        self.length_ns = length_ns
        self.generation = secrets.randbits(64) or 1
        self._beat = now
        words = self._words
        if words[MARK_WORD] != MARK:
            words[FIRED] = NOBODY
        # In this order: who finds the generation finds its beat and its length too.
        words[GENERATION] = NOBODY
        words[BEAT] = now
        words[LENGTH] = length_ns
        words[MARK_WORD] = MARK
        words[GENERATION] = self.generation

    @classmethod
    def take(cls, data: Path, length_ns: Nanos, now: Nanos) -> Self:
        """Take the lease on ``data`` as a new generation, whose first beat is ``now``.

        Raises :exc:`Refused` while another living process has it, OSError where there is no room.
        """
        path = lease_path(data)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _locked(path, f"another runtime trades in {data}")
        try:
            if os.fstat(descriptor).st_size < SIZE:
                # Written, not reserved: a store into a hole on a full disk would kill us.
                os.pwrite(descriptor, bytes(SIZE), 0)
            return cls(descriptor, length_ns, now)
        except OSError:
            os.close(descriptor)
            raise

    def beat(self, now: Nanos) -> None:
        """Say that we live; does nothing once the lease has run out."""
        if now - self._beat <= self.length_ns:
            # The watchdog must never know less of our life than we do.
            self._words[BEAT] = now
            self._beat = now

    def may_send(self, now: Nanos) -> str:
        """Say why nothing may be sent at ``now``; empty when it may."""
        if self._words[FIRED] == self.generation:
            return "the watchdog has fired"
        if now - self._beat > self.length_ns:
            return f"the lease of {self.length_ns} ns ran out {now - self._beat} ns after a beat"
        return ""

    def release(self) -> None:
        """End it in order: nothing of ours stands at the venue, and nobody needs to fire."""
        self._words[GENERATION] = NOBODY
        self.close()

    def close(self) -> None:
        """Let go of it as a death would: the watchdog fires, unless another takes it in time."""
        self._words.release()
        self._map.close()
        os.close(self._descriptor)


class Condition(Enum):
    """What the watchdog sees."""

    ABSENT = "absent"
    """Nobody has the lease: there was no runtime, or it ended in order."""
    UNARMED = "unarmed"
    """Too new to tell, or of a runtime that had died before we watched."""
    ALIVE = "alive"
    LATE = "late"
    """Run out, and not for as long as the margin."""
    DEAD = "dead"
    """Fire."""
    FIRED = "fired"
    """We have fired at this generation."""


class Look(NamedTuple):
    condition: Condition
    generation: int
    silent_ns: Nanos
    """Since the last beat; 0 where there is none."""


@final
class Watched:
    """The watchdog's end: it looks, and fires once at most at one generation."""

    def __init__(self, data: Path, margin_ns: Nanos) -> None:
        self._path = lease_path(data)
        self._margin_ns = margin_ns
        self._map: mmap.mmap | None = None
        self._descriptor = -1
        self._words = memoryview(b"")
        self._held = NOBODY
        """The generation that the last look found locked."""
        self._armed = NOBODY

    def look(self, now: Nanos) -> Look:
        """Judge the lease; ``now`` must have been read before the call, never after."""
        if self._map is None and not self._open():
            return Look(Condition.ABSENT, NOBODY, Nanos(0))
        words = self._words
        generation, beat, length = words[GENERATION], words[BEAT], words[LENGTH]
        if generation == NOBODY or words[GENERATION] != generation:
            return Look(Condition.ABSENT, NOBODY, Nanos(0))
        silent = Nanos(now - beat)
        if words[FIRED] == generation:
            return Look(Condition.FIRED, generation, silent)
        if self._armed != generation and not self._arm(generation):
            return Look(Condition.UNARMED, generation, silent)
        # A beat may have been made after ``now`` was read.
        if -length <= silent <= length:
            return Look(Condition.ALIVE, generation, max(silent, Nanos(0)))
        late = 0 <= silent <= length + self._margin_ns
        return Look(Condition.LATE if late else Condition.DEAD, generation, silent)

    def fire(self, generation: int) -> bool:
        """Forbid ``generation`` to send; False where another has the lease by now.

        By a call and not by a store: another thread can wait for it where the disk hangs.
        """
        if self._map is None or self._words[GENERATION] != generation:
            return False
        os.pwrite(self._descriptor, WORD.pack(generation), FIRED * WORD.size)
        return True

    def is_fired_at(self, generation: int) -> bool:
        """Say whether our firing at ``generation`` stands; a person may have forgiven it."""
        return self._map is not None and self._words[FIRED] == generation

    def close(self) -> None:
        if self._map is not None:
            self._words.release()
            self._map.close()
            self._map = None
            os.close(self._descriptor)

    def _arm(self, generation: int) -> bool:
        """Arm when it is locked for the second time running.

        A runtime that takes the lease has the lock a moment before it has written its generation.
        """
        held = _is_locked(self._descriptor)
        if held and self._held == generation:
            self._armed = generation
        self._held = generation if held else NOBODY
        return self._armed == generation

    def _open(self) -> bool:
        """Map the file once a runtime has made it."""
        try:
            descriptor = os.open(self._path, os.O_RDWR)
        except FileNotFoundError:
            return False
        if os.fstat(descriptor).st_size < SIZE:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        self._map, self._words = _mapped(descriptor)
        if self._words[MARK_WORD] != MARK:
            self.close()
        return self._map is not None


def fired_generation(data: Path) -> int:
    """Give the generation that the watchdog fired at last; 0 where it did not, or was forgiven."""
    try:
        content = lease_path(data).read_bytes()
    except FileNotFoundError:
        return NOBODY
    if len(content) < SIZE:
        return NOBODY
    words = memoryview(content).cast("Q")
    return words[FIRED] if words[MARK_WORD] == MARK else NOBODY


def forgive(data: Path) -> None:
    """Forget an earlier firing; the generation that was fired at itself stays forbidden to send."""
    path = lease_path(data)
    if not fired_generation(data):
        return
    descriptor = os.open(path, os.O_RDWR)
    try:
        mapped, words = _mapped(descriptor)
        if words[FIRED] != words[GENERATION]:
            words[FIRED] = NOBODY
        words.release()
        mapped.close()
    finally:
        os.close(descriptor)


def account_folder() -> Path:
    """Give the folder of this user's account locks, the same for every process of theirs.

    It is in memory, so that a reboot leaves nothing; raises :exc:`Refused` where somebody else has
    put something in its place.
    """
    user = os.getuid()
    folder = Path(f"/run/user/{user}")
    folder = folder / "tapedeck" if folder.is_dir() else Path(f"/tmp/tapedeck-{user}")  # noqa: S108 -- checked
    folder.mkdir(mode=OWN_FOLDER, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user or found.st_mode & 0o077:
        raise Refused(f"{folder} is not a folder of this user alone")
    return folder


@final
class AccountLock:
    """One process of a user trades with one key, in whatever data folder; it dies with its holder.

    The file is named by a digest of the key, which has too much chance in it to be guessed.
    """

    def __init__(self, folder: Path, key: str) -> None:
        """Take it; raises :exc:`Refused` while another living process has it."""
        digest = hashlib.sha256(b"tapedeck-account\n" + key.encode()).hexdigest()[:DIGEST_LETTERS]
        refusal = f"another runtime of this user trades on this account (lock {digest})"
        self._descriptor = _locked(folder / f"account-{digest}.lock", refusal)

    def close(self) -> None:
        os.close(self._descriptor)


LOCK = struct.Struct("hhqqi")
"""``struct flock`` of Linux: type, whence, start, length (0: all of it), process."""


def _locked(path: Path, refusal: str) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    except BlockingIOError:
        os.close(descriptor)
        raise Refused(refusal) from None
    return descriptor


def _is_locked(descriptor: int) -> bool:
    wanted = LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    found = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, wanted)
    return bool(LOCK.unpack(found)[0] != fcntl.F_UNLCK)


def _mapped(descriptor: int) -> tuple[mmap.mmap, "memoryview[int]"]:
    """Map the words: by a cast view each is one aligned load or store of the machine."""
    mapped = mmap.mmap(descriptor, SIZE)
    return mapped, memoryview(mapped).cast("Q")
