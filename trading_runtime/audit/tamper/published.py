"""What the log shows to others: its checkpoint and its trust, against what its entries say.

Rules:
 * A checkpoint never goes back, is signed by a key of the trust for its size, and its root is that
   of the watch's own tree.
 * The trust that lies there is the one that the log declared last, its policy the one it names. A
   change and its entry are not one act: between them both may stand for a moment.
"""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import final

import msgspec

from trading_runtime.audit.tamper.entries import Entries
from trading_runtime.audit.tamper.finding import Finding, Grace
from trading_runtime.audit.tamper.memory import Memory
from trading_runtime.audit.tamper.running import is_running
from trading_runtime.errors import Misread
from trading_runtime.evidence import checkpoint, layout, notes, trust
from trading_runtime.journal.durable import sync_folder

STATE = "published"


class Seen(msgspec.Struct):
    """The largest checkpoint that was seen, and the trust that was seen last."""

    size: int = -1
    root: bytes = b""
    pin: str = ""


@final
class Published:
    """Owned by the watch; ``take`` reads before the frames are followed, ``judge`` says after."""

    def __init__(self, audit: Path, origin: str, memory: Memory, entries: Entries) -> None:
        self._audit = audit
        self._origin = origin
        self._memory = memory
        self._entries = entries
        self._seen = memory.state(STATE, Seen) or Seen()
        self._note: bytes | None = None
        self._judged: bytes | None = b""
        self._trust_stands = Grace()
        self._note_stands = Grace()

    def take(self) -> None:
        """Read the checkpoint: the frames that it covers are all there by now."""
        path = layout.checkpoint_path(layout.log_folder(self._audit))
        try:
            self._note = path.read_bytes()
            if self._note != self._judged:
                sync_folder(path.parent)
        except (FileNotFoundError, PermissionError):
            self._note = None

    def judge(self, now: int, *, is_behind: bool) -> Iterator[Finding]:
        """Look at the trust and, unless the frames are not all followed yet, the checkpoint."""
        strange = self._strange_trust()
        if strange is not None and not is_running(self._audit):
            # Keys are rotated while the service stands still; it declares them when it starts.
            strange = None if strange.check == "trust-declared" else strange
        strange = self._trust_stands.judge(strange, now)
        if strange is not None:
            yield strange
        if not is_behind and self._note != self._judged:
            yield from self._judge_note(now)
        self._memory.set_state(STATE, self._seen)

    def _judge_note(self, now: int) -> Iterator[Finding]:
        note, where = self._note, "log/checkpoint"
        try:
            found = None if note is None else self._read(note)
        except (Misread, FileNotFoundError) as fault:
            # A new key may sign before the trust that names it lies there.
            strange = Finding("checkpoint", where, "a note of the log's", str(fault))
            stands = self._note_stands.judge(strange, now)
            if stands is not None:
                self._judged = note
                yield stands
            return
        self._note_stands.judge(None, now)
        self._judged = note
        if found is not None:
            yield from self._judge_size(found, where)
        elif self._seen.size >= 0:
            yield Finding("checkpoint missing", where, f"size {self._seen.size}", "no file")

    def _judge_size(self, found: checkpoint.Checkpoint, where: str) -> Iterator[Finding]:
        seen, tree = self._seen, self._entries.tree
        if found.size < seen.size:
            yield Finding("rollback", where, f"size {seen.size}", f"size {found.size}", found.size)
        elif found.size > tree.size:
            known = f"{tree.size} entries"
            yield Finding("frames missing", where, f"{found.size} entries", known, tree.size)
        elif (root := tree.root(found.size)) != found.root:
            yield Finding("root", where, root.hex(), found.root.hex(), found.size)
        else:
            self._seen = Seen(found.size, found.root, seen.pin)

    def _read(self, note: bytes) -> checkpoint.Checkpoint:
        claimed, _ = checkpoint.unverified(note)
        believed = trust.read(layout.trust_path(self._audit).read_bytes())
        notes.open_note(note, believed.log_vkeys(claimed.size))
        if claimed.origin != self._origin:
            raise Misread("checkpoint", f"it is of {claimed.origin}")
        return claimed

    def _strange_trust(self) -> Finding | None:
        where = "trust/trust.json"
        try:
            data = layout.trust_path(self._audit).read_bytes()
            policy = sha256(layout.policy_path(self._audit).read_bytes()).hexdigest()
        except FileNotFoundError as missing:
            return Finding("trust", where, "a policy and a trust", f"no {missing.filename}")
        try:
            named = trust.read(data).policy_sha256
        except Misread as fault:
            return Finding("trust", where, "a trust", str(fault))
        if policy != named:
            return Finding("policy", "trust/policy", named, policy)
        pin = trust.pin(data)
        declared = self._entries.declared.pin
        if declared and pin != declared:
            return Finding("trust-declared", where, declared, pin)
        if not declared and self._seen.pin and pin != self._seen.pin:
            return Finding("trust-declared", where, self._seen.pin, pin)
        self._seen = msgspec.structs.replace(self._seen, pin=pin)
        return None
