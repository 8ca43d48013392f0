"""Frames that the archive holds are let go; a witnessed entry of the log says which, before."""

from collections.abc import Callable

from trading_runtime.audit.sequencer import voice
from trading_runtime.audit.sequencer.opening import Order, open_log
from trading_runtime.clock import mono_ns, pause
from trading_runtime.errors import Refused
from trading_runtime.journal.diary import Diary
from trading_runtime.records.envelope import Stamp
from trading_runtime.records.units import NANOS_PER_SECOND
from trading_runtime.store.cold.pruning import prunable
from trading_runtime.store.cold.pruning import prune as remove
from trading_runtime.store.objects.objects import Objects

WITNESSED_WITHIN_NS = 60 * NANOS_PER_SECOND
LOOK_S = 0.05


def prune(
    order: Order, archive: Objects, kept: int, diary: Diary, clock: Callable[[], Stamp]
) -> range:
    """Remove the frames of old blocks, ``kept`` full ones left; give which blocks went.

    The caller holds the log's lock. Raises :exc:`Refused` where no witness answers: nothing went.
    """
    opened = open_log(order, diary, clock)
    try:
        blocks = prunable(order.audit, archive, kept)
        if not blocks:
            return blocks
        sequencer = opened.sequencer
        sequencer.say(voice.PRUNED, {"fromBlock": blocks.start, "toBlock": blocks.stop})
        sequencer.turn()
        until = mono_ns() + WITNESSED_WITHIN_NS
        while sequencer.unreceipted:
            if mono_ns() > until:
                raise Refused("no witness has cosigned what is to be removed: nothing was")
            sequencer.checkpoint()
            pause(LOOK_S)
    finally:
        opened.close()
    remove(order.audit, blocks)
    return blocks
