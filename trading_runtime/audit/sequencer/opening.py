"""Open a log that was begun: recover it, check that our keys are its keys, say that it is open."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from trading_runtime.audit.client.boots import name_after
from trading_runtime.audit.index.index import Index
from trading_runtime.audit.index.opening import open_index
from trading_runtime.audit.sequencer import intake, voice
from trading_runtime.audit.sequencer.believed import believed
from trading_runtime.audit.sequencer.checkpoints import Believed, Checkpoints, Witnesses
from trading_runtime.audit.sequencer.digests import Digests
from trading_runtime.audit.sequencer.fork import declared
from trading_runtime.audit.sequencer.indexing import Indexing
from trading_runtime.audit.sequencer.memory import Memory
from trading_runtime.audit.sequencer.parts import Keys, Parts, read_keys, verifier
from trading_runtime.audit.sequencer.recovery import Ground, Recovered, recover
from trading_runtime.audit.sequencer.sequencer import Saying, Sequencer
from trading_runtime.audit.settings import AuditSettings
from trading_runtime.audit.streams.source import Place, Source
from trading_runtime.audit.witness.asking import TIMEOUT_S, Asking, asked_by
from trading_runtime.errors import Misread, Refused
from trading_runtime.evidence import layout
from trading_runtime.evidence.trust import Trust
from trading_runtime.journal.diary import Diary
from trading_runtime.records.envelope import Stamp


class Order(NamedTuple):
    """What whoever opens a log decides."""

    audit: Path
    settings: AuditSettings
    witnesses: Mapping[str, str]
    """Where each witness of the policy listens, by name; the policy's own URL else."""
    sources: Callable[[Place], Sequence[Source]]
    """Opens the streams, which begin behind the place that they are given."""
    rebuild_index: bool = False
    witness_timeout_s: float = TIMEOUT_S


class Opened(Struct, frozen=True):
    """A log that takes entries in."""

    sequencer: Sequencer
    sources: Sequence[Source]
    index: Index
    indexing: Indexing
    witnesses: Witnesses
    trust: Trust

    def close(self) -> None:
        for source in self.sources:
            source.close()
        self.witnesses.close()
        self.indexing.close()
        self.index.close()


def open_log(order: Order, diary: Diary, clock: Callable[[], Stamp]) -> Opened:
    """Recover a log and go on with it; raise :exc:`Refused` where that may not be."""
    audit = order.audit
    trusted, pin = believed(audit)
    keys = read_keys(audit)
    index = open_index(audit, order.settings.database, trusted.trust.origin)
    witnesses = Witnesses(_asking(order, trusted))
    try:
        recovered = recover(Ground(audit, trusted, index, order.rebuild_index), witnesses.seen)
        indexing = Indexing(index)
        boot = name_after(clock().wall, recovered.memory.boot or None)
        checkpoints = Checkpoints(audit, trusted, keys.log, witnesses, recovered.published)
        digests = Digests(audit, trusted.trust, keys.digest)
        _check_keys(keys, trusted.trust, recovered.memory, digests.number + 1, boot)
        parts = Parts(
            audit,
            keys,
            indexing,
            diary,
            order.settings,
            checkpoints,
            digests,
            verifier(trusted.trust),
            boot,
        )
        sayings = opening_words(recovered, index, pin)
        if told := declared(audit, recovered.memory):
            sayings.insert(1, Saying(voice.FORKED, told))
        sources = order.sources(recovered.memory.held)
        sequencer = Sequencer(parts, recovered.memory, sources, clock, sayings)
    except BaseException:
        witnesses.close()
        index.close()
        raise
    return Opened(sequencer, sources, index, indexing, witnesses, trusted.trust)


def opening_words(recovered: Recovered, index: Index, pin: str) -> list[Saying]:
    """Give what the log has to say about its start."""
    memory = recovered.memory
    before = memory.chains.get((intake.LOG, memory.boot))
    words = [
        Saying(
            voice.OPENED,
            {
                "previousBoot": memory.boot or None,
                "previousChain": None if before is None else before.value.hex(),
                "previousSeq": None if before is None else before.seq,
                "size": memory.tree.size,
            },
        )
    ]
    if recovered.cut is not None:
        cut = recovered.cut
        words.append(
            Saying(voice.TAIL_CUT, {"bytes": cut.size, "index": cut.index, "reason": cut.reason})
        )
    if recovered.rebuilt:
        words.append(Saying(voice.INDEX_REBUILT, {"identity": index.identity()}))
    if memory.pin != pin:
        words.append(Saying(voice.TRUSTED, {"pin": pin}))
    return words


def _asking(order: Order, trusted: Believed) -> Asking:
    path = layout.checkpoint_path(layout.log_folder(order.audit))
    published = path.read_bytes() if path.exists() else None
    asked = asked_by(trusted.policy, order.witnesses)
    try:
        return Asking(asked, trusted.trust, trusted.policy, published, order.witness_timeout_s)
    except Misread as error:
        raise Refused(f"{path} is no checkpoint ({error}): put back what it was") from error


def _check_keys(keys: Keys, trusted: Trust, memory: Memory, number: int, boot: str) -> None:
    """Raise :exc:`Refused` where what we would sign would not be believed."""
    for key, believed_keys, what in (
        (keys.log, trusted.log_vkeys(memory.tree.size + 1), "checkpoints of this size"),
        (keys.digest, trusted.digest_vkeys(number), f"digest {number}"),
        (keys.voice, (trusted.producer_vkey(intake.LOG, boot),), f"boot {boot} of the log"),
    ):
        if key.vkey not in believed_keys:
            raise Refused(
                f"the key {key.vkey} is not the one that trust.json names for {what}: put the right"
                " key in its place below keys"
            )
