"""A log on disk as the sequencer leaves it: frames, tiles, checkpoint, digests."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from tests.evidence.tiling import tiles_of
from trading_runtime.evidence import checkpoint, digest, entry, frames, layout, submission
from trading_runtime.evidence.checkpoint import Checkpoint
from trading_runtime.evidence.digest import ClockQuality, Digest, Heads, Segment
from trading_runtime.evidence.notes import Kind, SigningKey
from trading_runtime.evidence.submission import Deed
from trading_runtime.records import merkle

ORIGIN = "example.org/desk"
LOG_KEY = SigningKey(ORIGIN, Kind.ED25519, bytes(32))
DIGEST_KEY = SigningKey(f"{ORIGIN}/digest", Kind.ED25519, bytes(31) + b"\1")
FIRST_NS = 1_763_596_800_000_000_000
ENTITIES = 97


class SmallLog:
    """Grows below ``audit``; ``entries`` are all that it ever had."""

    def __init__(self, audit: Path) -> None:
        self.audit = audit
        self.log = layout.log_folder(audit)
        self.entries: list[bytes] = []
        self._heads: dict[str, tuple[str, int]] = {}
        (self.log / "frames").mkdir(parents=True)

    def grow(self, count: int) -> None:
        """Append ``count`` entries and publish their checkpoint."""
        first = len(self.entries)
        self.entries += [self._next(first + n) for n in range(count)]
        self._write_frames(first)
        leaves = [merkle.leaf_hash(it) for it in self.entries]
        self._write_tiles(leaves)
        self.publish(Checkpoint(ORIGIN, len(leaves), merkle.root_of(leaves)))

    def publish(self, published: Checkpoint) -> None:
        layout.checkpoint_path(self.log).write_bytes(checkpoint.sign(published, LOG_KEY))

    def digest(self, segments: Sequence[Segment]) -> None:
        """Write the next digest, which names ``segments``."""
        numbers = layout.digest_numbers(self.log)
        number = len(numbers) + 1
        path = layout.digest_path(self.log, number)
        before = layout.digest_path(self.log, number - 1)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(
            digest.sign(
                Digest(
                    v=1,
                    origin=ORIGIN,
                    digest_no=number,
                    period_start=submission.event_time(FIRST_NS),
                    period_end=submission.event_time(FIRST_NS + 3_600_000_000_000),
                    tree_size_from=0,
                    tree_size_to=0,
                    root_hash=merkle.EMPTY_ROOT.hex(),
                    checkpoint=None,
                    heads=Heads(
                        key=layout.heads_key(number),
                        sha256=sha256().hexdigest(),
                        root=merkle.EMPTY_ROOT.hex(),
                        count=0,
                    ),
                    segments=tuple(segments),
                    producers=(),
                    clock=ClockQuality(source="test", synced=True, max_error_us=0),
                    oldest_event_time=None,
                    newest_event_time=None,
                    alarms=0,
                    previous_sha256=sha256(before.read_bytes()).hexdigest() if numbers else None,
                ),
                DIGEST_KEY,
            )
        )

    def _next(self, index: int) -> bytes:
        entity = f"order:{index % ENTITIES}"
        previous, version = self._heads.get(entity, (entry.genesis(ORIGIN, entity), 0))
        deed = Deed(
            event_id=submission.event_id("session", index, 0),
            event_time_ns=FIRST_NS + index * 1_000_000,
            service_name="runtime",
            event_type="OrderFilled",
            trace_id=None if index % 3 else f"session/{index}/0",
            user_id="alice" if index % 5 == 0 else None,
            entity_id=entity,
            client_ip=None,
            operation="place",
            before_state={"filled": index},
            after_state={"filled": index + 1, "producer": {"boot": "no"}},
            request_data=None,
        )
        data = submission.write(deed, "runtime", "boot-1", index + 1, None)
        sealed = entry.seal(data, previous, version + 1)
        self._heads[entity] = (entry.current_hash(sealed), version + 1)
        return sealed

    def _write_frames(self, first: int) -> None:
        while first < len(self.entries):
            block = first // layout.BLOCK
            end = min((block + 1) * layout.BLOCK, len(self.entries))
            with layout.frames_path(self.log, block).open("ab") as file:
                if first == block * layout.BLOCK:
                    file.write(frames.header(block, ORIGIN))
                file.write(frames.frames(first, self.entries[first:end]))
            first = end

    def _write_tiles(self, level: list[bytes]) -> None:
        levels = [level]
        while len(levels[-1]) >= layout.TILE_WIDTH:
            below = levels[-1]
            full = range(0, len(below) // layout.TILE_WIDTH * layout.TILE_WIDTH, layout.TILE_WIDTH)
            levels.append([merkle.root_of(below[at : at + layout.TILE_WIDTH]) for at in full])
        for tile in tiles_of(len(level)):
            path = self.log / tile.name()
            path.parent.mkdir(parents=True, exist_ok=True)
            at = tile.number * layout.TILE_WIDTH
            path.write_bytes(b"".join(levels[tile.level][at : at + tile.width]))
