"""The log's side of tlog-witness: a checkpoint is shown to each witness, cosignatures come back.

Rules:
 * A witness is asked on top of what it cosigned last; if that is unknown, or it has another size
   (409), it says so and is asked again with the proof from there.
 * Only a right cosignature by the key that the policy names is taken, made at about our own time.
 * A round ends when all have answered, or a moment after there are enough, or with the time-out. A
   witness that is left behind is caught up with in a later round.
 * A witness that shows a checkpoint of this log larger than ours proves that our log was set back:
   :exc:`WitnessAhead`. Its word alone is no proof.
 * A witness that cosigned more before than it knows now was set back itself: that is told.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple, final

import aiohttp

from trading_runtime.audit.witness import request
from trading_runtime.audit.witness.request import SIZE_CONTENT_TYPE, Request
from trading_runtime.audit.witness.witness import CONFLICT, OK, UNKNOWN
from trading_runtime.clock import wall_ns
from trading_runtime.errors import Halt, Misread, Refused
from trading_runtime.evidence import checkpoint, notes
from trading_runtime.evidence.checkpoint import Checkpoint
from trading_runtime.evidence.notes import Signature, Vkey
from trading_runtime.evidence.policy import Policy
from trading_runtime.evidence.trust import Trust
from trading_runtime.records.units import NANOS_PER_SECOND

TIMEOUT_S = 5.0
MOMENT_S = 0.25
"""How long the others are waited for once there are enough cosignatures."""
ATTEMPTS_MAX = 3
"""Of a witness in a round: what it knows can change under us only by our own earlier requests."""
CLOCK_OFF_MAX_S = 300
ANSWER_BYTES_MAX = 65_536
REASON_LETTERS_MAX = 200

Proof = Callable[[int], Sequence[bytes]]
"""Gives the consistency proof from an old size to that of the checkpoint."""


class Asked(NamedTuple):
    """A witness: what the policy calls it, where it listens, and its key."""

    name: str
    url: str
    vkey: Vkey


class Round(NamedTuple):
    """What the witnesses answered.

    ``note`` has the log's signatures and all cosignatures, ``quorum`` says whether they are enough.
    ``cosigned`` are who gave one, ``refusals`` why the others did not, by name; ``set_back`` are
    witnesses that had forgotten what they cosigned before.
    """

    note: bytes
    quorum: bool
    cosigned: tuple[str, ...]
    refusals: dict[str, str]
    set_back: tuple[str, ...]


class Seen(NamedTuple):
    """The newest checkpoint that a witness shows: None where it has none, or for ``reason``."""

    name: str
    checkpoint: Checkpoint | None
    reason: str


class WitnessAhead(Halt):
    """A witness has cosigned more of this log than we have: the log was set back."""

    def __init__(self, name: str, size: int, ours: int) -> None:
        super().__init__(
            f"witness {name} has cosigned size {size} of this log, whose size here is {ours}: the"
            " log was set back"
        )
        self.size = size


class _NotCosigned(Exception):
    """Why a witness gave no cosignature."""


class _Cosigned(NamedTuple):
    signature: Signature
    set_back: bool


def asked_by(policy: Policy, urls: Mapping[str, str]) -> list[Asked]:
    """Give the witnesses of a policy that have a URL: in ``urls``, by name, or in the policy.

    Raises:
        Refused: ``urls`` names a witness that the policy does not have.
    """
    named = {name.decode("utf-8", "replace"): each for name, each in policy.witnesses.items()}
    for name in urls:
        if name not in named:
            raise Refused(f"the policy has no witness {name!r}, only {sorted(named)}")
    placed = [Asked(name, urls.get(name, each.url), each.vkey) for name, each in named.items()]
    return [each for each in placed if each.url]


@final
class Asking:
    """Owned by one thread, which it holds up while it asks: never one that takes entries in."""

    def __init__(
        self,
        asked: Sequence[Asked],
        trust: Trust,
        policy: Policy,
        published: bytes | None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Ask ``asked``; ``published`` is the log's newest checkpoint with its cosignatures."""
        self._asked = tuple(asked)
        self._trust = trust
        self._policy = policy
        self._timeout_s = timeout_s
        self._unplaced = _unplaced(policy, asked)
        self._sizes = {} if published is None else self._sizes_of(published)
        """What each has cosigned last, as far as we know, by name."""
        self._runner = asyncio.Runner()
        self._session: aiohttp.ClientSession | None = None

    def cosign(self, note: bytes, proof: Proof) -> Round:
        """Show ``note``, a checkpoint that the log has signed, to all witnesses at once.

        Raises:
            WitnessAhead: one of them proves that this log was larger.
            Misread: ``note`` is no checkpoint of this log by a key of its own.
        """
        return self._runner.run(self._round(note, proof))

    def seen(self) -> list[Seen]:
        """Ask each witness what it has cosigned: at the start, what it shows we have to have."""
        return self._runner.run(self._look())

    def close(self) -> None:
        if self._session is not None:
            self._runner.run(self._session.close())
        self._runner.close()

    def _sizes_of(self, published: bytes) -> dict[str, int]:
        found, signatures = checkpoint.unverified(published)
        by = {(signature.name, signature.key_id) for signature in signatures}
        return {
            each.name: found.size
            for each in self._asked
            if (each.vkey.name, each.vkey.key_id) in by
        }

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            limit = aiohttp.ClientTimeout(total=self._timeout_s)
            self._session = aiohttp.ClientSession(timeout=limit)
        return self._session

    async def _round(self, data: bytes, proof: Proof) -> Round:
        found = checkpoint.unverified(data)[0]
        note = notes.open_note(data, self._trust.log_vkeys(found.size))
        tasks = {
            asyncio.create_task(self._ask(each, data, found, proof)): each for each in self._asked
        }
        try:
            await self._enough(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return self._gathered(note, tasks)

    async def _enough(self, tasks: Mapping[asyncio.Task[_Cosigned], Asked]) -> None:
        """Wait until all have answered, or a moment longer than until there are enough."""
        pending = set(tasks)
        while pending and not self._policy.met(_cosigners(tasks)):
            _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        if pending:
            await asyncio.wait(pending, timeout=MOMENT_S)

    def _gathered(self, note: notes.Note, tasks: Mapping[asyncio.Task[_Cosigned], Asked]) -> Round:
        signatures = list(note.signatures)
        refusals = {}
        set_back = []
        cosigned = []
        for task, each in tasks.items():
            if task.cancelled():
                refusals[each.name] = "it was slower than the others"
                continue
            fault = task.exception()
            if isinstance(fault, _NotCosigned):
                refusals[each.name] = str(fault)
            elif fault is not None:
                raise fault
            else:
                cosigned.append(each.name)
                signatures.append(task.result().signature)
                set_back += [each.name] * task.result().set_back
        return Round(
            notes.join(note.text, signatures),
            self._policy.met(_cosigners(tasks)),
            tuple(cosigned),
            refusals | self._unplaced,
            tuple(set_back),
        )

    async def _ask(self, asked: Asked, note: bytes, new: Checkpoint, proof: Proof) -> _Cosigned:
        known = self._sizes.get(asked.name, 0)
        old = min(known, new.size)
        for _ in range(ATTEMPTS_MAX):
            hashes = tuple(proof(old)) if 0 < old < new.size else ()
            status, kind, body = await self._send(
                asked, "POST", "add-checkpoint", request.write(Request(old, hashes, note))
            )
            if status == OK:
                signature = _right(asked, body, new)
                self._sizes[asked.name] = new.size
                return _Cosigned(signature, old < known)
            if status != CONFLICT or kind != SIZE_CONTENT_TYPE:
                raise _NotCosigned(f"answered {status}: {_shown(body)}")
            old = await self._size_after_conflict(asked, body, new)
        raise _NotCosigned(f"another size of its own after each of {ATTEMPTS_MAX} requests")

    async def _size_after_conflict(self, asked: Asked, body: bytes, new: Checkpoint) -> int:
        try:
            size = request.read_size(body)
        except Misread as misread:
            raise _NotCosigned(f"answered {CONFLICT}: {misread}") from misread
        if size <= new.size:
            return size
        seen = await self._look_at(asked)
        if seen.checkpoint is not None and seen.checkpoint.size > new.size:
            raise WitnessAhead(asked.name, seen.checkpoint.size, new.size)
        raise _NotCosigned(f"says it has cosigned size {size}, and does not show it: {seen.reason}")

    async def _look(self) -> list[Seen]:
        return await asyncio.gather(*(self._look_at(each) for each in self._asked))

    async def _look_at(self, asked: Asked) -> Seen:
        path = f"{sha256(self._trust.origin.encode()).hexdigest()}/checkpoint"
        try:
            status, _, body = await self._send(asked, "GET", path, b"")
            if status == UNKNOWN:
                return Seen(asked.name, None, "")
            if status != OK:
                return Seen(asked.name, None, f"answered {status}: {_shown(body)}")
            return Seen(asked.name, self._shown_by(body), "")
        except (_NotCosigned, Misread) as fault:
            return Seen(asked.name, None, str(fault))

    def _shown_by(self, body: bytes) -> Checkpoint:
        """Read what a witness shows: it is the log's own signature that proves something."""
        found = checkpoint.unverified(body)[0]
        if found.origin != self._trust.origin:
            raise Misread("origin", f"a checkpoint of {found.origin!r}")
        notes.open_note(body, self._trust.log_vkeys(found.size))
        return found

    async def _send(
        self, asked: Asked, method: str, path: str, body: bytes
    ) -> tuple[int, str, bytes]:
        """Give status, content type and body of the answer."""
        url = f"{asked.url.rstrip('/')}/{path}"
        try:
            async with self._open().request(
                method, url, data=body or None, allow_redirects=False
            ) as answer:
                return answer.status, answer.content_type, await _read(answer)
        except (aiohttp.ClientError, TimeoutError, ValueError) as fault:
            raise _NotCosigned(f"{url}: {type(fault).__name__} {fault}".rstrip()) from fault


def _unplaced(policy: Policy, asked: Sequence[Asked]) -> dict[str, str]:
    """Name the witnesses without whom there can be no quorum, and who are not asked."""
    known = {each.vkey for each in asked}
    if policy.met(known):
        return {}
    return {
        name.decode("utf-8", "replace"): "nobody says where it listens"
        for name, each in policy.witnesses.items()
        if each.vkey not in known
    }


def _cosigners(tasks: Mapping[asyncio.Task[_Cosigned], Asked]) -> set[Vkey]:
    return {
        each.vkey
        for task, each in tasks.items()
        if task.done() and not task.cancelled() and task.exception() is None
    }


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            raise _NotCosigned(f"an answer of more than {ANSWER_BYTES_MAX} bytes")
    return body


def _right(asked: Asked, body: bytes, new: Checkpoint) -> Signature:
    """Take the cosignature of the witness's own key out of an answer; others are ignored."""
    try:
        for signature in notes.parse_signatures(body):
            if (signature.name, signature.key_id) == (asked.vkey.name, asked.vkey.key_id):
                at = checkpoint.verify_cosignature(new.text(), signature, asked.vkey)
                off = at - wall_ns() // NANOS_PER_SECOND
                if abs(off) > CLOCK_OFF_MAX_S:
                    raise _NotCosigned(f"its clock and ours differ by {off} s")
                return signature
    except Misread as misread:
        raise _NotCosigned(str(misread)) from misread
    raise _NotCosigned(f"no signature by {asked.vkey.name} of the policy's key in its answer")


def _shown(body: bytes) -> str:
    return body.decode("utf-8", "replace").strip()[:REASON_LETTERS_MAX]
