"""``tapedeck run`` that kills itself, by SIGKILL, exactly at a named boundary.

``python -m tests.live.doomed BOUNDARY COUNT run ...``: nothing but the moment is decided here, all
that runs is the runtime itself. The boundaries lie between the steps of which an order's way
consists: said by the core, handed to the kernel by the journal, sent, answered, recorded.
"""

import os
import signal
import sys
from enum import Enum
from pathlib import Path

from trading_runtime.app import live
from trading_runtime.app.dispatch import Dispatch
from trading_runtime.app.session import Session
from trading_runtime.cli.main import main
from trading_runtime.journal import writer
from trading_runtime.journal.recovery import Recovered
from trading_runtime.journal.sealing import Extent
from trading_runtime.journal.syncing import GroupSync
from trading_runtime.journal.writer import JournalWriter
from trading_runtime.records.commands import CancelOrder, Command, PlaceOrder
from trading_runtime.records.envelope import Body, Kind, Stamp
from trading_runtime.records.facts_trading import (
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    PanicStep,
    PanicStopCleared,
    PanicStopStepped,
)
from trading_runtime.records.facts_venue import ReconcileBegan
from trading_runtime.records.segments import Seal, SegmentHeader, Watermark
from trading_runtime.records.units import Seq


class Boundary(Enum):
    """Where a runtime may be cut off; each is met once, its ``COUNT``-th time."""

    RECOVERED = "recovered"
    """The last session is closed, the next one is not begun."""
    RECONCILING = "reconciling"
    """The venue has been asked what stands, or is about to be."""
    DECIDED = "order decided"
    """In memory alone."""
    JOURNALED = "order journaled"
    """Handed over, and not a byte sent."""
    SENT = "order sent"
    """The bytes are the kernel's; others of the same turn may be to come."""
    ACKNOWLEDGED = "order acknowledged"
    """Read, and not handed over."""
    ACKNOWLEDGED_JOURNALED = "acknowledgement journaled"
    FILLED = "order filled in part"
    FILLED_JOURNALED = "fill journaled"
    CANCEL_JOURNALED = "cancel journaled"
    CANCEL_SENT = "cancel sent"
    CANCELLED = "cancel acknowledged"
    SEAL = "segment full"
    SEAL_SYNCED = "checkpoint on disk"
    """The segment has its end, the next one is not there."""
    SEAL_BEGUN = "next segment begun"
    """It is there, and the watermark is not in it."""
    SEAL_COMPRESSING = "segment to be compressed"
    SEAL_COMPRESSED = "segment compressed"
    PANIC_LATCHED = "panic stop latched"
    PANIC_CANCELLING = "panic stop cancels"
    PANIC_CANCEL_SENT = "panic stop has sent a cancel"
    PANIC_VERIFYING = "panic stop asks the venue"
    PANIC_CLOSING = "panic stop closes"
    PANIC_CLOSE_SENT = "panic stop has sent a close"
    PANIC_FLAT = "panic stop is flat"


PANIC_STEPS = {
    PanicStep.LATCHED: Boundary.PANIC_LATCHED,
    PanicStep.CANCELLING: Boundary.PANIC_CANCELLING,
    PanicStep.VERIFYING: Boundary.PANIC_VERIFYING,
    PanicStep.CLOSING: Boundary.PANIC_CLOSING,
    PanicStep.FLAT: Boundary.PANIC_FLAT,
}


class Doom:
    """Counts how often the boundary is met, and dies at the last time."""

    def __init__(self, boundary: Boundary, count: int) -> None:
        self.boundary = boundary
        self.left = count
        self.handing: list[Boundary] = []
        """What will have been journaled once the records in memory are handed over."""
        self.panics = False

    def meet(self, boundary: Boundary) -> None:
        if boundary is self.boundary:
            self.left -= 1
            if not self.left:
                os.kill(os.getpid(), signal.SIGKILL)

    def said(self, body: Body) -> None:
        """Take note of a record that is in memory."""
        match body:
            case PlaceOrder():
                self.meet(Boundary.DECIDED)
            case OrderAccepted():
                self.meet(Boundary.ACKNOWLEDGED)
                self.handing.append(Boundary.ACKNOWLEDGED_JOURNALED)
            case OrderFilled():
                self.meet(Boundary.FILLED)
                self.handing.append(Boundary.FILLED_JOURNALED)
            case OrderCancelled():
                self.meet(Boundary.CANCELLED)
            case ReconcileBegan():
                self.handing.append(Boundary.RECONCILING)
            case PanicStopStepped():
                self.panics = True
                self.handing.append(PANIC_STEPS[body.step])
            case PanicStopCleared():
                self.panics = False
            case _:
                pass

    def handed_over(self) -> None:
        handing, self.handing = self.handing, []
        for boundary in handing:
            self.meet(boundary)

    def sends(self, command: Command) -> None:
        if isinstance(command, PlaceOrder):
            self.meet(Boundary.JOURNALED)
        elif isinstance(command, CancelOrder):
            self.meet(Boundary.CANCEL_JOURNALED)

    def sent(self, command: Command) -> None:
        if isinstance(command, PlaceOrder):
            self.meet(Boundary.PANIC_CLOSE_SENT if command.reduce_only else Boundary.SENT)
        elif isinstance(command, CancelOrder):
            self.meet(Boundary.PANIC_CANCEL_SENT if self.panics else Boundary.CANCEL_SENT)


def watch_orders(doom: Doom) -> None:
    """Be told of what is recorded, handed over and sent."""
    append, hand_over, send = JournalWriter.append, JournalWriter.hand_over, Dispatch.send

    def appending(self: JournalWriter, kind: Kind, stamp: Stamp, body: Body) -> Seq:
        seq = append(self, kind, stamp, body)
        doom.said(body)
        return seq

    def handing(self: JournalWriter) -> None:
        hand_over(self)
        doom.handed_over()

    def sending(self: Dispatch, command: Command, stamp: Stamp) -> None:
        doom.sends(command)
        send(self, command, stamp)
        doom.sent(command)

    JournalWriter.append = appending  # type: ignore[method-assign]  # the boundaries are here
    JournalWriter.hand_over = handing  # type: ignore[method-assign]  # likewise
    Dispatch.send = sending  # type: ignore[method-assign]  # likewise


def watch_segments(doom: Doom) -> None:
    """Be told of what is sealed and recovered."""
    seal, create, switch = Session._seal, writer.create_segment, GroupSync.switch  # noqa: SLF001 -- a boundary
    compress, recover = writer.seal_segment, live.recover_last

    def sealing(self: Session, stamp: Stamp) -> None:
        doom.meet(Boundary.SEAL)
        seal(self, stamp)

    def creating(folder: Path, header: SegmentHeader) -> tuple[int, int]:
        doom.meet(Boundary.SEAL_SYNCED)
        return create(folder, header)

    def switching(self: GroupSync, descriptor: int, start: Watermark) -> None:
        doom.meet(Boundary.SEAL_BEGUN)
        switch(self, descriptor, start)

    def compressing(raw: Path, extent: Extent) -> Seal:
        doom.meet(Boundary.SEAL_COMPRESSING)
        made = compress(raw, extent)
        doom.meet(Boundary.SEAL_COMPRESSED)
        return made

    def recovering(data: Path) -> Recovered | None:
        recovered = recover(data)
        doom.meet(Boundary.RECOVERED)
        return recovered

    Session._seal = sealing  # type: ignore[method-assign]  # noqa: SLF001 -- likewise
    writer.create_segment = creating
    GroupSync.switch = switching  # type: ignore[method-assign]  # likewise
    writer.seal_segment = compressing
    live.recover_last = recovering


if __name__ == "__main__":
    doom = Doom(Boundary(sys.argv[1]), int(sys.argv[2]))
    watch_orders(doom)
    watch_segments(doom)
    sys.exit(main(sys.argv[3:]))
