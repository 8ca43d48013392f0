"""Digests: at the end of each period one signed line about it, empty periods included.

A digest is on disk before the log takes in the first entry of the next period; so the files alone
say which entries belong to which period. Its heads are there before it, so that a digest names
nothing that is not. The archive gets both after that, in order, and again until it has them.
"""

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, final

from trading_runtime.audit.sequencer import clock_quality
from trading_runtime.audit.sequencer.checkpoints import Signed
from trading_runtime.audit.sequencer.memory import Memory, Period
from trading_runtime.errors import Misread, Refused
from trading_runtime.evidence import digest, layout, submission
from trading_runtime.evidence.digest import Digest, Heads, ProducerRun, Segment
from trading_runtime.evidence.heads import Head, Manifest
from trading_runtime.evidence.notes import SigningKey
from trading_runtime.evidence.trust import Trust
from trading_runtime.journal.durable import make_folder, write_file
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store.cold.segments import handed, settled


class Newest(NamedTuple):
    """The digest that was written last; number 0 before the first."""

    number: int
    size: int
    sha256: str | None
    segments: frozenset[str]


def newest(log: Path, believed: Trust) -> Newest:
    """Read the newest digest; raise :exc:`Refused` where it is not what this log signed."""
    numbers = layout.digest_numbers(log)
    if not numbers:
        return Newest(0, 0, None, frozenset())
    path = layout.digest_path(log, numbers[-1])
    data = path.read_bytes()
    try:
        found = digest.open_digest(data, believed)
    except Misread as error:
        raise Refused(
            f"{path} is not what this log signed ({error}): put back what it was"
        ) from error
    if found.digest_no != numbers[-1] or len(numbers) != numbers[-1]:
        raise Refused(f"{path.parent} lacks digests before number {numbers[-1]}: put them back")
    keys = frozenset(segment.key for segment in found.segments)
    return Newest(found.digest_no, found.tree_size_to, digest.note_hash(data), keys)


def last_size(log: Path, believed: Trust) -> int:
    """Give the size at which the last period ended."""
    return newest(log, believed).size


@final
class Digests:
    """Owned by the sequencer."""

    def __init__(self, audit: Path, believed: Trust, key: SigningKey) -> None:
        self._audit = audit
        self._log = layout.log_folder(audit)
        self._believed = believed
        self._key = key
        self._newest = newest(self._log, believed)
        settled(audit, self._newest.segments)

    @property
    def number(self) -> int:
        return self._newest.number

    def due(self, now: Nanos) -> bool:
        return digest.due(self._believed, now // NANOS_PER_SECOND) > self._newest.number

    def write(self, memory: Memory, published: Signed | None, now: Nanos) -> list[Digest]:
        """Write a digest for each period that has ended, and begin the next; :exc:`OSError` if not.

        What was taken in since the last digest belongs to the first of these periods.
        """
        written = []
        while self.due(now):
            written.append(self._write_one(memory, published))
            memory.period = Period(memory.tree.size)
        return written

    def _write_one(self, memory: Memory, published: Signed | None) -> Digest:
        number, period = self._newest.number + 1, memory.period
        manifest = Manifest.of(
            Head(entity, it.first, it.last, it.last - it.first + 1, it.head)
            for entity, it in period.touched.items()
        )
        waiting = handed(self._audit)
        found = self._digest(
            memory,
            published,
            manifest,
            tuple(it for it in waiting if it.key not in self._newest.segments),
        )
        note = digest.sign(found, self._key)
        self._keep(layout.heads_path(self._log, number), manifest.encode())
        self._keep(layout.digest_path(self._log, number), note)
        keys = frozenset(segment.key for segment in found.segments)
        self._newest = Newest(number, memory.tree.size, digest.note_hash(note), keys)
        settled(self._audit, keys)
        return found

    def _digest(
        self,
        memory: Memory,
        published: Signed | None,
        manifest: Manifest,
        segments: tuple[Segment, ...],
    ) -> Digest:
        number, period = self._newest.number + 1, memory.period
        start, end = digest.period(self._believed, number)
        content = manifest.encode()
        return Digest(
            v=digest.VERSION,
            origin=memory.origin,
            digest_no=number,
            period_start=submission.event_time(start * NANOS_PER_SECOND),
            period_end=submission.event_time(end * NANOS_PER_SECOND),
            tree_size_from=period.start,
            tree_size_to=memory.tree.size,
            root_hash=memory.tree.root().hex(),
            checkpoint=_covering(published, memory.tree.size),
            heads=Heads(
                key=layout.heads_key(number),
                sha256=sha256(content).hexdigest(),
                root=manifest.root().hex(),
                count=len(manifest.heads),
            ),
            segments=segments,
            producers=tuple(
                ProducerRun(
                    id=key[0], boot=key[1], first_seq=it.first, last_seq=it.last, dropped=it.dropped
                )
                for key, it in sorted(period.producers.items())
            ),
            clock=clock_quality.measure(),
            oldest_event_time=period.oldest,
            newest_event_time=period.newest,
            alarms=period.alarms,
            previous_sha256=self._newest.sha256,
        )

    def _keep(self, path: Path, content: bytes) -> None:
        make_folder(path.parent)
        write_file(path, content)


def _covering(published: Signed | None, size: int) -> str | None:
    """Give the published checkpoint where it covers ``size``."""
    if published is None or published.checkpoint.size < size:
        return None
    return published.note.decode()
