"""What the sequencer remembers, all of it derived from the entries in their order.

It moves by :meth:`Memory.take` alone, live and after a restart, so that both have the same. Once a
digest it is written down (``sequencer/memory.json``, no evidence): a restart then reads the entries
since, and not all of them.
"""

from collections.abc import Sequence
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import final

import msgspec

from trading_runtime.audit.sequencer.intake import LOG, Arrived, Chain, Key
from trading_runtime.audit.sequencer.tree import Tree
from trading_runtime.audit.sequencer.voice import ALARMS, FORKED, REPEATED, REUSED, TRUSTED
from trading_runtime.errors import Halt, Misread
from trading_runtime.evidence import entry, submission
from trading_runtime.evidence.entry import Submission
from trading_runtime.evidence.index_row import IndexRow, row_of
from trading_runtime.journal.durable import make_folder, write_file

DROPPED = "AuditDropped"


class Sealed(msgspec.Struct, frozen=True, gc=False):
    """One entry of the log."""

    index: int
    data: bytes
    read: Submission
    digest: bytes
    """SHA-256 of what was submitted, unsigned."""
    previous_hash: str
    version: int
    current_hash: str

    def row(self) -> IndexRow:
        """Give its row of the index."""
        return row_of(self.index, self.read, self.version, self.current_hash, self.data.decode())


class Last(msgspec.Struct, frozen=True, gc=False):
    """The last entry of a boot: what a receipt proves."""

    index: int
    seq: int
    previous_hash: str
    version: int


class Touched(msgspec.Struct, frozen=True, gc=False):
    """An entity in a period."""

    first: int
    last: int
    head: str


class Part(msgspec.Struct, frozen=True, gc=False):
    """A boot in a period."""

    first: int
    last: int
    dropped: int


@final
class Period:
    """What a digest says about the entries since the one before, from number ``start`` on."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.touched: dict[str, Touched] = {}
        self.producers: dict[Key, Part] = {}
        self.oldest: str | None = None
        self.newest: str | None = None
        self.alarms = 0

    def take(self, entries: Sequence[Sealed]) -> None:
        touched = self.touched
        for sealed in entries:
            entity = sealed.read.entity_id
            before = touched.get(entity)
            first = sealed.version if before is None else before.first
            touched[entity] = Touched(first, sealed.version, sealed.current_hash)
        for key, run in groupby(entries, _boot_of):
            self._take_run(key, list(run))
        times = [sealed.read.event_time for sealed in entries]
        self.oldest = min(times) if self.oldest is None else min(self.oldest, *times)
        self.newest = max(times) if self.newest is None else max(self.newest, *times)

    def _take_run(self, key: Key, run: list[Sealed]) -> None:
        """Take what one boot has in a row."""
        part = self.producers.get(key)
        first = run[0].read.producer.seq if part is None else part.first
        dropped = 0 if part is None else part.dropped
        for sealed in run:
            read = sealed.read
            if read.event_type == DROPPED and read.request_data is not None:
                count = read.request_data.get("count")
                dropped += count if isinstance(count, int) else 0
        if key[0] == LOG:
            self.alarms += sum(it.read.event_type in ALARMS for it in run)
        self.producers[key] = Part(first, run[-1].read.producer.seq, dropped)


_boot_of = attrgetter("read.producer.id", "read.producer.boot")


class _Place(msgspec.Struct, frozen=True, array_like=True):
    producer_id: str
    boot: str
    seq: int
    value: bytes
    last: Last | None


class _Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    origin: str
    size: int
    root: bytes
    levels: tuple[tuple[bytes, ...], ...]
    places: tuple[_Place, ...]
    boot: str
    pin: str


@final
class Memory:
    """Owned by the sequencer."""

    def __init__(self, origin: str, period_start: int = 0) -> None:
        self.origin = origin
        self.tree = Tree()
        self.period = Period(period_start)
        self.chains: dict[Key, Chain] = {}
        self.lasts: dict[Key, Last] = {}
        self.boot = ""
        """The last boot of the log itself."""
        self.pin = ""
        """That of the trust that was declared last."""

    def chain(self, key: Key) -> Chain:
        """Say how far a boot is; at number 0 where nothing of it came."""
        return self.chains.get(key) or Chain(0, submission.first_value(*key))

    def held(self, producer_id: str, boot: str) -> int:
        """Give the last number of a boot that the log has, or stepped over (``streams.Place``)."""
        chain = self.chains.get((producer_id, boot))
        return 0 if chain is None else chain.seq

    def carry(self, producers: Sequence["Carried"]) -> None:
        """Go on with boots from where another log had them."""
        for it in producers:
            self.chains[it.id, it.boot] = Chain(it.seq, bytes.fromhex(it.chain))

    def take(self, entries: Sequence[Sealed]) -> None:
        """Move by what has become durable."""
        self.tree.append([sha256(b"\x00" + sealed.data).digest() for sealed in entries])
        for key, run in groupby(entries, _boot_of):
            if key[0] == LOG:
                for sealed in run:
                    self._follow(key, [sealed])
                    self.boot = key[1]
                    self._hear(sealed)
            else:
                self._follow(key, list(run))
        skipped = max(0, self.period.start - entries[0].index)
        if skipped < len(entries):
            self.period.take(entries[skipped:])

    def _follow(self, key: Key, run: list[Sealed]) -> None:
        """Let a boot go on by what it has in a row."""
        seq, value = self.chain(key)
        for sealed in run:
            seq += 1
            if sealed.read.producer.seq != seq:
                raise _not_written(key, sealed.read.producer.seq, seq - 1, sealed.index)
            value = sha256(value + sealed.digest).digest()
        self.chains[key] = Chain(seq, value)
        last = run[-1]
        self.lasts[key] = Last(last.index, seq, last.previous_hash, last.version)

    def write(self, path: Path) -> None:
        """Write down all but the period, whose beginning is now."""
        places = tuple(
            _Place(*key, *chain, self.lasts.get(key)) for key, chain in sorted(self.chains.items())
        )
        kept = _Kept(
            origin=self.origin,
            size=self.tree.size,
            root=self.tree.root(),
            levels=self.tree.levels,
            places=places,
            boot=self.boot,
            pin=self.pin,
        )
        make_folder(path.parent)
        write_file(path, msgspec.json.encode(kept))

    def restore(self, path: Path) -> None:
        """Begin where :meth:`write` was; raise :exc:`Halt` where the file is not what it wrote."""
        try:
            kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
            tree = Tree(kept.size, kept.levels)
        except (ValueError, msgspec.DecodeError) as error:
            raise Halt(
                f"{path} is damaged ({error}): remove it, and all frames are read"
            ) from error
        if kept.origin != self.origin or kept.root != tree.root():
            raise Halt(f"{path} is of another log: remove it, and all frames are read")
        self.tree = tree
        self.chains = {(it.producer_id, it.boot): Chain(it.seq, it.value) for it in kept.places}
        self.lasts = {
            (it.producer_id, it.boot): it.last for it in kept.places if it.last is not None
        }
        self.boot, self.pin = kept.boot, kept.pin

    def _step(self, key: Key, seq: int, digest: bytes, index: int) -> None:
        """Let a boot go on by a number that is no entry."""
        chain = self.chain(key)
        if seq != chain.seq + 1:
            raise _not_written(key, seq, chain.seq, index)
        self.chains[key] = Chain(seq, sha256(chain.value + digest).digest())

    def _hear(self, sealed: Sealed) -> None:
        """Take what the log itself said that changes what is remembered."""
        found = sealed.read.request_data
        kind = sealed.read.event_type
        if kind in {REPEATED, REUSED}:
            told = msgspec.convert(found, _Repeated)
            self._step(
                (told.producer_id, told.boot), told.seq, bytes.fromhex(told.sha256), sealed.index
            )
        elif kind == TRUSTED:
            self.pin = msgspec.convert(found, _Pinned).pin
        elif kind == FORKED:
            self.carry(msgspec.convert(found, _Forked).producers)


def _not_written(key: Key, found: int, last: int, index: int) -> Halt:
    return Halt(
        f"entry {index} is number {found} of {key[0]} in boot {key[1]}, after number {last}: the"
        " frames are not what was written"
    )


class _Repeated(msgspec.Struct, rename="camel"):
    producer_id: str
    boot: str
    seq: int
    sha256: str


class _Pinned(msgspec.Struct):
    pin: str


class Carried(msgspec.Struct, frozen=True):
    """How far a boot was in the log that a fork goes on from; ``chain`` is P in hex."""

    id: str
    boot: str
    seq: int
    chain: str


class _Forked(msgspec.Struct):
    producers: tuple[Carried, ...]


def sealed_of(index: int, data: bytes) -> Sealed:
    """Read an entry back from its frame; raise :exc:`Halt` where it is none."""
    try:
        read = entry.read(data)
        unsigned, _ = entry.submission_of(data)
    except Misread as error:
        raise Halt(f"entry {index} of the frames is none ({error})") from error
    return Sealed(
        index,
        data,
        read,
        sha256(unsigned).digest(),
        read.previous_hash,
        read.version,
        entry.current_hash(data),
    )


def seal(arrived: Arrived, index: int, previous_hash: str, version: int) -> Sealed:
    """Give the entry of a submission that is taken in."""
    data = entry.seal(arrived.raw, previous_hash, version)
    current = sha256(data).hexdigest()
    return Sealed(index, data, arrived.read, arrived.digest, previous_hash, version, current)
