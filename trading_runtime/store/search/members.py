"""Sealed log lines in gzip: members of whole lines, and an index of what is in which.

Each member is a gzip file of its own of about a mebibyte of lines, so ``zcat`` and ``rg -z`` read
the whole, and a search inflates only what it needs. Equal lines make equal bytes: no time and no
name goes in, and the level is fixed.

``<name>.jsonl.index`` is the commit: it is written last, after the compressed bytes were read back
and inflated to the very lines, and a ``.gz`` without it is not there. Its first line is JSON
(:class:`Index`); then follow the Bloom filters of the members' order and trace ids.
"""

import zlib
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b, sha256
from pathlib import Path
from typing import IO

import msgspec
from isal import isal_zlib

from trading_runtime.errors import Misread
from trading_runtime.records.units import Nanos
from trading_runtime.store import durable
from trading_runtime.store.search.line import LogLine, lines_of, nanos, read

MAKER = "logs.members/1"
"""Counts up when equal lines would make other bytes."""
LEVEL = 6
"""Of zlib: ISA-L is ten times as fast, but what it writes depends on the processor."""
GZIP = 31
"""zlib's name for the gzip format with its checksum."""
MEMBER_BYTES = 1 << 20
INDEX_SUFFIX = ".index"
BITS_PER_ID = 12
PROBES = 8
UINT64_MAX = (1 << 64) - 1
"""With so many bits and probes one member in 300 is inflated for nothing."""


class Member(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One member: ``size`` bytes at ``offset`` of the file, ``bytes`` of lines inflated.

    ``low`` and ``high`` are the least and greatest time of a line in it (UTC nanoseconds),
    ``before`` the time that an unreadable first line takes. ``seqs`` gives each session's first and
    last record.
    """

    offset: int
    size: int
    bytes: int
    sha256: str
    """Of the inflated bytes."""
    lines: int
    unreadable: int
    low: Nanos
    high: Nanos
    before: Nanos
    levels: dict[str, int]
    events: tuple[str, ...]
    symbols: tuple[str, ...]
    seqs: dict[str, tuple[int, int]]
    filter_offset: int
    """Of its Bloom filter, after the index's first line."""
    filter_bits: int


class Index(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the compressed file is."""

    maker: str
    plain_sha256: str
    plain_bytes: int
    gz_sha256: str
    gz_bytes: int
    lines: int
    members: tuple[Member, ...]

    @property
    def unreadable(self) -> int:
        return sum(it.unreadable for it in self.members)


class Indexed(msgspec.Struct, frozen=True):
    """An index as it was read, with its filters."""

    index: Index
    filters: bytes

    def may_hold(self, member: Member, probes: tuple[int, int]) -> bool:
        """Whether the id of these ``probes`` may be in ``member``; false is certain."""
        first, step = probes
        for number in range(PROBES):
            bit = (first + number * step & UINT64_MAX) % member.filter_bits
            if not self.filters[member.filter_offset + (bit >> 3)] >> (bit & 7) & 1:
                return False
        return True


def index_path(gz: Path) -> Path:
    """Name the index beside ``<name>.jsonl.gz``."""
    return gz.with_suffix(INDEX_SUFFIX)


def probes_of(identity: str) -> tuple[int, int]:
    """Give the two numbers that an id's bits follow from (Kirsch and Mitzenmacher 2006)."""
    digest = blake2b(identity.encode(errors="surrogatepass"), digest_size=16).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little") | 1


def bloom(identities: set[str]) -> tuple[bytes, int]:
    """Make the filter of a member's ids, and give its size in bits."""
    import numpy as np  # noqa: PLC0415 -- slow to load, and a search makes no filter

    bits = max(64, BITS_PER_ID * len(identities)) + 7 & ~7
    probes = np.array([probes_of(it) for it in identities], np.uint64).reshape(-1, 2)
    # Unsigned 64-bit numbers run over silently, as in Indexed.may_hold.
    places = probes[:, :1] + np.arange(PROBES, dtype=np.uint64) * probes[:, 1:]
    made = np.zeros(bits, np.uint8)
    made[(places % np.uint64(bits)).ravel()] = 1
    return np.packbits(made, bitorder="little").tobytes(), bits


def chunks(file: IO[bytes], size: int = MEMBER_BYTES) -> Iterator[bytes]:
    """Cut a file into whole lines of about ``size``; an empty file is one empty chunk.

    A longer line is a chunk of its own; so is what follows the last line's end.
    """
    rest: list[bytes] = []
    is_empty = True
    while block := file.read(size):
        end = block.rfind(b"\n") + 1
        if end:
            yield b"".join((*rest, block[:end]))
            is_empty, rest = False, []
        if end < len(block):
            rest.append(block[end:])
    if rest or is_empty:
        yield b"".join(rest)


def deflated(content: bytes) -> bytes:
    squeeze = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
    return squeeze.compress(content) + squeeze.flush()


def inflated(content: bytes) -> bytes:
    """Inflate one member; raise :exc:`Misread` where it or its checksum is damaged."""
    try:
        return isal_zlib.decompress(content, GZIP)
    except isal_zlib.error as damage:  # type: ignore[misc]  # its stub declares a value
        raise Misread(
            "gzip", f"a member of {len(content)} bytes does not inflate: {damage}"
        ) from damage


class _Seen:
    """What is gathered of the lines of one member."""

    def __init__(self, content: bytes, before: Nanos) -> None:
        found = [read(line) for line in lines_of(content)]
        good = [it for it in found if it is not None]
        moments = [it.ts for it in good]
        edges = (min(moments), max(moments), moments[-1]) if moments else ()
        times = [nanos(it) for it in edges]
        self.lines = len(found)
        self.unreadable = len(found) - len(good)
        self.last = times.pop() if times else before
        # An unreadable line takes the time of the one before it, which may be in another member.
        if not found or found[0] is None:
            times.append(before)
        self.low, self.high = min(times), max(times)
        self.levels = dict(sorted(Counter(it.level for it in good).items()))
        self.events = tuple(sorted({it.event for it in good}))
        self.symbols = tuple(sorted({it.symbol for it in good}))
        self.seqs = _seqs(good)
        self.ids = {it.order_id for it in good} | {it.venue_order for it in good}
        self.ids.update(it.trace for it in good)
        self.ids.discard("")


def _seqs(lines: list[LogLine]) -> dict[str, tuple[int, int]]:
    found = {}
    for session in sorted({it.session for it in lines}):
        own = [it.seq for it in lines if it.session == session]
        found[session] = min(own), max(own)
    return found


def compress(plain: Path, gz: Path, before: Nanos) -> Index:
    """Compress the sealed file ``plain`` to ``gz`` with its index; both are durable and verified.

    ``before`` is the time that an unreadable first line takes. It is right to be killed anywhere
    and again afterwards; what is whole already is left as it is.

    Raises :exc:`Misread` where the disk gives back other bytes than were written.
    """
    known = read_index(gz)
    if known is not None and _is_of(known.index, plain, gz):
        return known.index
    gz.parent.mkdir(parents=True, exist_ok=True)
    index_path(gz).unlink(missing_ok=True)
    members: list[Member] = []
    filters: list[bytes] = []
    whole, squeezed = sha256(), sha256()
    offset = filter_offset = 0
    beside = durable.temporary(gz)
    with plain.open("rb") as source, beside.open("wb") as target:
        for content in chunks(source):
            small = deflated(content)
            target.write(small)
            whole.update(content)
            squeezed.update(small)
            seen = _Seen(content, before)
            made, bits = bloom(seen.ids)
            members.append(
                _member(content, seen, before, (offset, len(small)), (filter_offset, bits))
            )
            filters.append(made)
            offset, filter_offset, before = (
                offset + len(small),
                filter_offset + len(made),
                seen.last,
            )
    index = Index(
        maker=MAKER,
        plain_sha256=whole.hexdigest(),
        plain_bytes=sum(it.bytes for it in members),
        gz_sha256=squeezed.hexdigest(),
        gz_bytes=offset,
        lines=sum(it.lines for it in members),
        members=tuple(members),
    )
    durable.move(beside, gz)
    check(gz, index)
    durable.write(index_path(gz), msgspec.json.encode(index) + b"\n" + b"".join(filters))
    return index


def _member(
    content: bytes, seen: _Seen, before: Nanos, place: tuple[int, int], bloomed: tuple[int, int]
) -> Member:
    return Member(
        offset=place[0],
        size=place[1],
        bytes=len(content),
        sha256=sha256(content).hexdigest(),
        lines=seen.lines,
        unreadable=seen.unreadable,
        low=seen.low,
        high=seen.high,
        before=before,
        levels=seen.levels,
        events=seen.events,
        symbols=seen.symbols,
        seqs=seen.seqs,
        filter_offset=bloomed[0],
        filter_bits=bloomed[1],
    )


def _is_of(index: Index, plain: Path, gz: Path) -> bool:
    return (
        index.maker == MAKER
        and gz.exists()
        and durable.sha256(gz) == index.gz_sha256
        and durable.sha256(plain) == index.plain_sha256
    )


def check(gz: Path, index: Index) -> None:
    """Inflate every member of ``gz``; raise :exc:`Misread` where it is not what ``index`` says."""
    with gz.open("rb") as file:
        for member in index.members:
            content = file.read(member.size)
            if sha256(inflated(content)).hexdigest() != member.sha256:
                raise Misread("gzip", f"{gz} does not hold the lines that were put in")
        if file.read(1):
            raise Misread("gzip", f"{gz} goes on after its last member")


def is_whole(plain: Path, gz: Path) -> bool:
    """Whether ``gz`` inflates to exactly the bytes of ``plain``, which then may go.

    Reads both, from the disk as they are now, and believes no digest that was written down.
    """
    known = read_index(gz)
    if known is None or not gz.exists():
        return False
    try:
        with plain.open("rb") as lines, gz.open("rb") as file:
            for member in known.index.members:
                if inflated(file.read(member.size)) != lines.read(member.bytes):
                    return False
            return not file.read(1) and not lines.read(1)
    except Misread:
        return False


def read_index(gz: Path) -> Indexed | None:
    """Read the index beside ``gz``; null where there is none, or none that can be read."""
    try:
        content = index_path(gz).read_bytes()
    except FileNotFoundError:
        return None
    return decode_index(content)


def decode_index(content: bytes) -> Indexed | None:
    head, _, filters = content.partition(b"\n")
    try:
        return Indexed(msgspec.json.decode(head, type=Index), filters)
    except msgspec.DecodeError:
        return None


def inflate_member(gz: Path, member: Member) -> bytes:
    """Read one member's lines; raise :exc:`Misread` where they are damaged, OSError as the disk."""
    with gz.open("rb") as file:
        file.seek(member.offset)
        return inflated(file.read(member.size))
