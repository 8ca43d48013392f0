"""Trust policies (C2SP tlog-policy): which logs, which witnesses, and how many of these suffice."""

import re
from collections.abc import Collection

from msgspec import Struct, field

from trading_runtime.errors import Misread
from trading_runtime.evidence.notes import Kind, Vkey

NONE = b"none"
"""The quorum that asks for no witness; no other name may be so."""
LINES_MAX = 10_000

_ALLOWED = re.compile(rb"[\t\n\x20-\x7e\x80-\xff]*")
_WHITE = re.compile(rb"[\t ]+")
_COUNT = re.compile(rb"[1-9][0-9]{0,4}")


class Witness(Struct, frozen=True):
    vkey: Vkey
    url: str


class Group(Struct, frozen=True):
    """``needed`` of its ``members``, each a witness or a group that was defined before."""

    needed: int
    members: tuple[bytes, ...]


class Policy(Struct):
    """A policy as its file says it; names are octets without meaning outside of it."""

    logs: list[Vkey] = field(default_factory=list)
    log_urls: dict[str, str] = field(default_factory=dict)
    witnesses: dict[bytes, Witness] = field(default_factory=dict)
    groups: dict[bytes, Group] = field(default_factory=dict)
    quorum: bytes = b""
    """Of a witness or a group, or ``none``."""

    def keys(self) -> tuple[Vkey, ...]:
        """Give all witnesses' keys."""
        return tuple(witness.vkey for witness in self.witnesses.values())

    def met(self, cosigners: Collection[Vkey]) -> bool:
        """Tell whether these witnesses, whose signatures were verified, are the quorum."""
        return self.quorum == NONE or self._saw(self.quorum, cosigners)

    def _saw(self, name: bytes, cosigners: Collection[Vkey]) -> bool:
        if (witness := self.witnesses.get(name)) is not None:
            return witness.vkey in cosigners
        group = self.groups[name]
        return sum(self._saw(member, cosigners) for member in group.members) >= group.needed


def parse(data: bytes) -> Policy:
    """Read a policy; raise :exc:`Misread` (``policy``, ``vkey``) with the line where it errs."""
    if not _ALLOWED.fullmatch(data):
        raise Misread("policy", "a control character")
    if data and not data.endswith(b"\n"):
        raise Misread("policy", "its last line has no end")
    lines = data.split(b"\n")
    if len(lines) > LINES_MAX:
        raise Misread("policy", f"{len(lines)} lines")
    reader = _Reader()
    for number, line in enumerate(lines, 1):
        words = [word for word in _WHITE.split(line) if word]
        if not words or words[0].startswith(b"#"):
            continue
        try:
            reader.take(words)
        except Misread as fault:
            raise Misread(fault.reason, f"line {number}: {fault.detail}") from None
    if not reader.policy.quorum:
        raise Misread("policy", "no quorum")
    return reader.policy


class _Reader:
    """Takes line after line; what a line may name was defined by a line before it."""

    def __init__(self) -> None:
        self.policy = Policy()
        self._members: set[bytes] = set()
        self._keys: dict[Kind, set[bytes]] = {kind: set() for kind in Kind}

    def take(self, words: list[bytes]) -> None:
        match words:
            case [b"log", vkey, *url] if len(url) <= 1:
                key = self._key(vkey, Kind.ED25519)
                self.policy.logs.append(key)
                if url:
                    self.policy.log_urls[str(key)] = _text(url[0])
            case [b"witness", name, vkey, *url] if len(url) <= 1:
                self._new(name)
                self.policy.witnesses[name] = Witness(
                    self._key(vkey, Kind.COSIGNATURE), _text(url[0]) if url else ""
                )
            case [b"group", name, needed, *members] if members:
                self._new(name)
                self.policy.groups[name] = self._group(needed, members)
            case [b"quorum", name]:
                self._quorum(name)
            case _:
                raise Misread("policy", f"a line that begins with {words[0][:40]!r}")

    def _key(self, text: bytes, kind: Kind) -> Vkey:
        key = Vkey.parse(_text(text))
        if key.kind is not kind:
            raise Misread("policy", f"{key.name} is a key of another kind")
        if key.key in self._keys[kind]:
            raise Misread("policy", f"the key of {key.name} stands there twice")
        self._keys[kind].add(key.key)
        return key

    def _new(self, name: bytes) -> None:
        if name == NONE or self._defined(name):
            raise Misread("policy", f"the name {name!r} is taken")

    def _defined(self, name: bytes) -> bool:
        return name in self.policy.witnesses or name in self.policy.groups

    def _group(self, needed: bytes, members: list[bytes]) -> Group:
        for member in members:
            if not self._defined(member):
                raise Misread("policy", f"no {member!r} was defined before")
            if member in self._members:
                raise Misread("policy", f"{member!r} is in a group twice")
            self._members.add(member)
        match needed:
            case b"any":
                count = 1
            case b"all":
                count = len(members)
            case _ if _COUNT.fullmatch(needed):
                count = int(needed)
            case _:
                raise Misread("policy", f"{needed!r} is no threshold")
        if count > len(members):
            raise Misread("policy", f"{count} of {len(members)} members")
        return Group(count, tuple(members))

    def _quorum(self, name: bytes) -> None:
        if self.policy.quorum:
            raise Misread("policy", "a second quorum")
        if name != NONE and not self._defined(name):
            raise Misread("policy", f"no {name!r} was defined before")
        self.policy.quorum = name


def _text(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise Misread("policy", f"{octets[:80]!r} is not UTF-8") from None
