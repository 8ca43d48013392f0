"""A witness's judgement (C2SP tlog-witness): what it cosigns, what it answers, what it remembers.

Rules:
 * It cosigns a checkpoint only on top of the one that it cosigned last, with a proof that the new
   tree begins with the old one; so there is one history of a log, however many are signed.
 * A check and what is stored for it are one step: :meth:`Witness.add_checkpoint` waits for nobody
   in between, and one thread calls it. Of two that race, the second finds the first one's size.
 * What it cosigns is on disk before it answers. After a write that failed it answers nothing more.
 * The same checkpoint again is cosigned again, with the time of now; the history does not grow by
   it, since anybody may send one.
 * A checkpoint that a log key signed, and that contradicts the one before, is proof of what the log
   did: it is kept, and alarmed.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, final

from trading_runtime.audit.witness import request
from trading_runtime.audit.witness.history import History
from trading_runtime.audit.witness.request import SIZE_CONTENT_TYPE, Request
from trading_runtime.errors import Halt, Misread
from trading_runtime.evidence import checkpoint, notes
from trading_runtime.evidence.checkpoint import Checkpoint
from trading_runtime.evidence.notes import Kind, Note, SigningKey
from trading_runtime.evidence.trust import Trust
from trading_runtime.journal.durable import make_folder, write_file
from trading_runtime.records.merkle import EMPTY_ROOT, ProofWrong, verify_consistency
from trading_runtime.records.observations import AuditAlarmed, AuditTampered

OK = 200
MALFORMED = 400
NOT_SIGNED = 403
UNKNOWN = 404
CONFLICT = 409
INCONSISTENT = 422
REFUSALS = (MALFORMED, NOT_SIGNED, UNKNOWN, CONFLICT, INCONSISTENT)
REFUSED_FOLDER = "refused"
REFUSED_MAX = 100
"""Requests that are kept as proof, and alarmed, in one life: who sends more says nothing new."""

Alarm = AuditTampered | AuditAlarmed


class Answer(NamedTuple):
    status: int
    body: bytes
    content_type: str = "text/plain"


class Refusal(Exception):
    """What a request is answered with that is not cosigned."""

    def __init__(self, status: int, body: str, content_type: str = "text/plain") -> None:
        super().__init__(body)
        self.answer = Answer(status, f"{body}\n".encode(), content_type)


@final
class Watched:
    """What is known of one log: its history, and the note that is shown to monitors."""

    def __init__(self, folder: Path, origin: str) -> None:
        self.folder = folder / sha256(origin.encode()).hexdigest()
        self.history = History(self.folder)
        self.shown = self.history.newest
        self.newest = None if self.shown is None else checkpoint.unverified(self.shown)[0]
        if self.newest is not None and self.newest.origin != origin:
            raise Halt(f"{self.folder} holds checkpoints of {self.newest.origin!r}, not {origin!r}")

    @property
    def size(self) -> int:
        return 0 if self.newest is None else self.newest.size


@final
class Witness:
    """Owned by one thread."""

    def __init__(
        self,
        folder: Path,
        logs: Mapping[str, Trust],
        key: SigningKey,
        alarm: Callable[[Alarm], None],
    ) -> None:
        """Read what was cosigned of each of ``logs``, by origin.

        Raises:
            Halt: what is on disk contradicts itself.
            Misread: ``key`` is no witness's key.
        """
        if key.vkey.kind is not Kind.COSIGNATURE:
            raise Misread("key", f"{key.vkey.name} is no witness's key")
        self._folder = folder
        self._key = key
        self._alarm = alarm
        self._logs: Mapping[str, Trust] = {}
        self._watched: dict[str, Watched] = {}
        self._kept: set[bytes] = set()
        self.refused = Counter(dict.fromkeys(REFUSALS, 0))
        """How many requests were answered with each status."""
        self.cosigned = 0
        self.trust(logs)

    def trust(self, logs: Mapping[str, Trust]) -> None:
        """Believe ``logs`` from now on; what was cosigned of another stays on disk."""
        for origin in logs:
            if origin not in self._watched:
                self._watched[origin] = Watched(self._folder, origin)
        self._logs = logs

    def sizes(self) -> dict[str, int]:
        """Give the size of the newest cosigned checkpoint, by origin."""
        return {origin: self._watched[origin].size for origin in self._logs}

    def shown(self, origin_hash: str) -> bytes | None:
        """Give the newest cosigned checkpoint of the log whose origin has this SHA-256, in hex."""
        for watched in self._watched.values():
            if watched.folder.name == origin_hash:
                return watched.shown
        return None

    def add_checkpoint(self, body: bytes, now_s: int) -> Answer:
        """Judge a request; ``now_s`` is the wall clock, in seconds since 1970.

        Raises:
            OSError: what is on disk is not known; nothing may be answered any more.
        """
        try:
            return self._cosign(body, now_s)
        except Refusal as refusal:
            self.refused[refusal.answer.status] += 1
            return refusal.answer

    def close(self) -> None:
        for watched in self._watched.values():
            watched.history.close()

    def _cosign(self, body: bytes, now_s: int) -> Answer:
        asked, new = _read(body)
        note = self._signed_by_log(asked, new)
        watched = self._watched[new.origin]
        self._check(asked, new, watched)
        cosignature = checkpoint.cosign(note.text, self._key, now_s)
        whole = notes.join(note.text, [*note.signatures, cosignature])
        if watched.newest != new:
            watched.history.append(whole)
            watched.newest = new
        watched.shown = whole
        self.cosigned += 1
        return Answer(OK, cosignature.line().encode())

    def _signed_by_log(self, asked: Request, new: Checkpoint) -> Note:
        trust = self._logs.get(new.origin)
        if trust is None:
            raise Refusal(UNKNOWN, f"no log {new.origin!r} is known here")
        try:
            return notes.open_note(asked.note, trust.log_vkeys(new.size))
        except Misread as misread:
            raise Refusal(NOT_SIGNED, str(misread)) from misread

    def _check(self, asked: Request, new: Checkpoint, watched: Watched) -> None:
        """Refuse in the order in which tlog-witness names the reasons."""
        old = watched.newest
        if asked.old_size > new.size:
            raise Refusal(MALFORMED, f"old size {asked.old_size} is above size {new.size}")
        if old is not None and old.size == new.size and old.root != new.root:
            self._tell_split_view(asked, old, new)
        if asked.old_size != watched.size:
            raise Refusal(CONFLICT, str(watched.size), SIZE_CONTENT_TYPE)
        try:
            verify_growth(old, new, asked.proof)
        except ProofWrong as wrong:
            if 0 < asked.old_size < new.size:
                self._tell_unproven(asked, new, str(wrong))
            raise Refusal(INCONSISTENT, str(wrong)) from wrong

    def _tell_split_view(self, asked: Request, old: Checkpoint, new: Checkpoint) -> None:
        if self._keep(asked):
            self._alarm(
                AuditTampered(
                    check="witness",
                    where=f"checkpoint {new.size} of {new.origin}",
                    index=-1,
                    expected=old.root.hex(),
                    found=new.root.hex(),
                )
            )

    def _tell_unproven(self, asked: Request, new: Checkpoint, detail: str) -> None:
        if self._keep(asked):
            self._alarm(
                AuditAlarmed(
                    alarm="CheckpointInconsistent",
                    producer=new.origin,
                    event_id="",
                    detail=f"size {new.size} is not shown to begin with {asked.old_size}: {detail}",
                )
            )

    def _keep(self, asked: Request) -> bool:
        """Keep a request as proof; say whether it is to be alarmed: once, and not without end."""
        name = sha256(asked.note).digest()
        if name in self._kept or len(self._kept) >= REFUSED_MAX:
            return False
        self._kept.add(name)
        folder = self._folder / REFUSED_FOLDER
        make_folder(folder)
        write_file(folder / f"{name.hex()}.request", request.write(asked))
        return True


def verify_growth(old: Checkpoint | None, new: Checkpoint, proof: Sequence[bytes]) -> None:
    """Check that ``new`` begins with ``old``; raise :exc:`ProofWrong` where that is not shown.

    The empty tree begins every tree, without proof; it has one root alone.
    """
    if new.size == 0 and new.root != EMPTY_ROOT:
        raise ProofWrong("the root of size 0 is not that of the empty tree")
    if old is not None and old.size:
        verify_consistency(old.size, new.size, proof, old.root, new.root)
    elif proof:
        raise ProofWrong("a consistency proof from size 0 must be empty")


def _read(body: bytes) -> tuple[Request, Checkpoint]:
    try:
        asked = request.read(body)
        return asked, checkpoint.unverified(asked.note)[0]
    except Misread as misread:
        raise Refusal(MALFORMED, str(misread)) from misread
