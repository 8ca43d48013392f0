"""The audit log's frames against SQLite: how fast entries are durable, and how fast receipted.

Durable: the same sealed entries of some 800 bytes, a hundred at a time: framed and brought to disk
with one ``fdatasync``, and put into the index's own tables with one transaction under
``synchronous=FULL``.

To a receipt: signed batches of a hundred wait in a stream; the time ends when the producer has the
receipt of the last one, by a witness that is asked over a socket. Once as the log does it: frames
synced, the index beside them. Once as it would be with SQLite for both: the same service without
frames, where each batch of a hundred is a transaction under ``synchronous=FULL``.

Both sides take turns on the same disk, each from a disk at rest (``sync``), so that nobody pays for
what another has left dirty. The figures are each side's best round: the others measure who else
uses the disk, which costs both sides one sync a batch and hides what differs.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, sleep

import msgspec

from tests.audit.sequencer.rig import Desk, Pile, Teller
from trading_runtime.audit.index.sqlite import SqliteIndex
from trading_runtime.audit.sequencer import opening, sequencer
from trading_runtime.audit.sequencer.frame_log import FrameLog
from trading_runtime.audit.sequencer.indexing import Indexing
from trading_runtime.audit.sequencer.memory import Sealed, sealed_of
from trading_runtime.audit.streams.source import Delivery
from trading_runtime.evidence import layout
from trading_runtime.evidence.frames import FrameReader
from trading_runtime.evidence.index_row import IndexRow

ENTRIES = 8_000
BATCH = 100
ROUNDS = 7
DURABLE_TARGET, RECEIPT_TARGET = 5.0, 1.5


def state(number: int, status: str) -> dict[str, object]:
    return {
        "status": status,
        "side": "buy",
        "price": f"{60_000 + number % 100}.5",
        "qty": "0.250",
        "filled": "0.125",
        "client_order_id": f"tapedeck-{number:012}",
        "instrument": "BTC-USDT",
        "reduce_only": False,
    }


def batches(teller: Teller) -> list[Delivery]:
    made = teller.started()
    for first in range(1, ENTRIES, BATCH):
        made += teller.batch(
            *(
                teller.deed(
                    number,
                    f"order:tapedeck-{number // 4:012}",
                    before_state=state(number, "open"),
                    after_state=state(number, "filled"),
                )
                for number in range(first, first + BATCH)
            )
        )
    return made


class OnlyIndex:
    """In the place of the frames: it keeps nothing."""

    def __init__(self, log: Path, origin: str, size: int) -> None:  # noqa: ARG002 -- as the frames
        self.size = size

    def append(self, entries: Sequence[bytes]) -> None:
        self.size += len(entries)

    def close(self) -> None: ...


class DurableIndex:
    """In the place of the index's thread: each turn is committed before it goes on."""

    def __init__(self, index: SqliteIndex) -> None:
        fully_synced(index)
        self.append = index.append
        self.known, self.heads, self.settle = index.known, index.heads, index.settle

    def close(self) -> None: ...


class Sips(Pile):
    """A stream that gives one batch a turn."""

    def poll(self, limit: int) -> list[Delivery]:
        return super().poll(min(limit, BATCH))


def fully_synced(index: SqliteIndex) -> None:
    index._db.execute("PRAGMA synchronous = full")  # noqa: SLF001 -- no setting of it: the log never wants this


@contextmanager
def sqlite_alone() -> Iterator[None]:
    sequencer.FrameLog, opening.Indexing = OnlyIndex, DurableIndex  # type: ignore[misc,assignment]
    try:
        yield
    finally:
        sequencer.FrameLog, opening.Indexing = FrameLog, Indexing  # type: ignore[misc]


def to_receipt(folder: Path, pile: Pile) -> tuple[float, list[Sealed]]:
    """Give the seconds from the stream to the last receipt, and the entries where frames are."""
    desk = Desk(folder)
    desk.pile = pile
    teller = desk.teller()
    waiting = batches(teller)
    with desk.witnessed(), desk.open() as opened:
        desk.pile.waiting = waiting
        os.sync()
        begun = perf_counter()
        while desk.pile.waiting:
            opened.sequencer.turn()
        while opened.sequencer.unreceipted:
            opened.sequencer.checkpoint()
            sleep(0.001)
        took = perf_counter() - begun
    if not desk.pile.receipts:
        raise SystemExit("there is no receipt: nothing was measured")
    log = layout.log_folder(desk.audit)
    reader = FrameReader(log, "desk.example/tape")
    return took, [sealed_of(*it) for it in enumerate(reader.entries(0, reader.size))]


def framed(folder: Path, entries: list[Sealed]) -> float:
    log = FrameLog(folder, "desk.example/tape", 0)
    os.sync()
    begun = perf_counter()
    for first in range(0, len(entries), BATCH):
        log.append([it.data for it in entries[first : first + BATCH]])
    took = perf_counter() - begun
    log.close()
    return took


def inserted(folder: Path, rows: list[IndexRow]) -> float:
    folder.mkdir()
    index = SqliteIndex(folder / "index.sqlite", "desk.example/tape")
    fully_synced(index)
    os.sync()
    begun = perf_counter()
    for first in range(0, len(rows), BATCH):
        index.append(rows[first : first + BATCH])
    took = perf_counter() - begun
    index.close()
    return took


def rounds(folder: Path, count: int) -> Iterator[tuple[float, float, float, float]]:
    """Give seconds: frames, SQLite's, with frames to the receipt, with SQLite alone to it."""
    for number in range(count):
        place = folder / str(number)
        whole, entries = to_receipt(place / "log", Pile())
        rows = [it.row() for it in entries]
        with sqlite_alone():
            alone, _ = to_receipt(place / "alone", Sips())
        yield framed(place / "frames", entries), inserted(place / "sqlite", rows), whole, alone


def row(what: str, ours: list[float], theirs: list[float], target: float) -> dict[str, object]:
    here, there = ENTRIES / min(ours), ENTRIES / min(theirs)
    ratio = here / there
    print(f"{what:40} {here:10,.0f} {there:10,.0f}   {ratio:5.2f}")
    return {
        "what": what,
        "measured": f"{ratio:.1f} x ({here:,.0f}/s against {there:,.0f}/s)",
        "target": f">= {target:g} x",
        "met": ratio >= target,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=Path, help="a folder of the disk to be measured")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.dir) as folder:
        took = list(zip(*rounds(Path(folder), chosen.rounds), strict=True))
    frames, sqlite, whole, alone = (list(it) for it in took)
    print(f"{'entries/s':40} {'the log':>10} {'SQLite':>10}   ratio")
    result = {
        "benchmark": "audit_log",
        "how": f"{ENTRIES:,} entries of 800 bytes in batches of {BATCH}: framed and synced against"
        " a transaction under synchronous=FULL; and from the stream to the producer's receipt, with"
        " frames and index against the same service with SQLite FULL in place of both; the best of"
        f" {chosen.rounds} rounds that take turns",
        "rows": [
            row("durable audit entries, 100 at once", frames, sqlite, DURABLE_TARGET),
            row("audit entries to the receipt", whole, alone, RECEIPT_TARGET),
        ],
    }
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    main()
