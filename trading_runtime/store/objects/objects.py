"""Objects that are written once: what every archive can do, and what each says that it cannot.

Rules:
 * A key is written once. Whoever comes second is refused, also in a race, also after a crash.
 * What is there when :meth:`Objects.put_new` returns is on the store's disks.
 * A key that was overwritten or deleted all the same still gives its first version where the store
   keeps versions, and says how many came after.
 * A store without retention locks says so in its :class:`Capabilities`; nobody has to guess.

Times are nanoseconds since 1970, UTC; a store may keep locks to the second, and then rounds up.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from trading_runtime.errors import Fault, Halt, Misread, Refused
from trading_runtime.records.units import Nanos


class AlreadyThere(Refused):
    """The key exists; nothing was written."""


class NotThere(Refused):
    """No object has the key."""


class Denied(Refused):
    """The store knows us and says no, or does not know us: wrong keys, a lock, a missing right."""


class Unreachable(Fault):
    """The store did not answer, or answered that it cannot now; ask again later.

    A write that ended so may have happened: :func:`keep` settles it.
    """


class Differs(Halt):
    """Other bytes stand under a key that is ours to write."""


class Capabilities(NamedTuple):
    """What protects the objects of a store, as it was seen and not as it was promised."""

    store: str
    """Where it is, for people."""
    retention_lock: bool
    """No one, its owner included, can delete or replace a version before its lock ends."""
    absent: tuple[str, ...]
    """One sentence for each protection that is not there."""


class Head(NamedTuple):
    """What a store tells about an object without sending it."""

    key: str
    size: int
    """Bytes of the first version."""
    written: Nanos
    locked_until: Nanos | None
    """Null: no lock that holds against the owner."""
    later: int
    """Delete markers, and versions with other bytes, above the first: zero unless one meddled."""


class Listed(NamedTuple):
    key: str
    size: int
    later: int


class Source(NamedTuple):
    """A local file that is to be an object, as it was hashed."""

    path: Path
    size: int
    """Bytes."""
    sha256: str
    label: str = ""
    """What lifecycle rules know it by, where the store has them; empty: none."""

    def pieces(self, size: int) -> Iterator[bytes]:
        """Give what the file holds now; raise :exc:`Misread` where it is gone."""
        try:
            with self.path.open("rb") as file:
                while piece := file.read(size):
                    yield piece
        except FileNotFoundError as gone:
            raise Misread("changed", f"{self.path} is gone") from gone


class Rule(NamedTuple):
    """What a store is to do by itself with what lies below a prefix; days count from the write."""

    name: str
    prefix: str
    label: str = ""
    """Of the objects that are meant; empty: all."""
    cold_days: int = 0
    """Then they go to ``cold_class``; 0: never."""
    cold_class: str = ""
    expire_days: int = 0
    """Then they go; 0: never."""
    abort_days: int = 0
    """Then uploads that were not completed go; 0: never."""


class Objects(Protocol):
    """An archive; keys are relative to its root, with ``/`` between the parts."""

    capabilities: Capabilities

    def put_new(self, key: str, content: bytes, retain_until: Nanos | None) -> None:
        """Write ``content``, locked until then where locks are.

        Raises :exc:`AlreadyThere`, :exc:`Denied` or :exc:`Unreachable`.
        """

    def put_file(self, key: str, source: Source, retain_until: Nanos | None) -> None:
        """Write a file of any size, a piece at a time; of a large one what was sent is not resent.

        Raises as :meth:`put_new` does, and :exc:`Misread` where it is not what was hashed. Only for
        keys that follow from the bytes: of two who write at once both may be told that they did.
        """

    def get(self, key: str) -> bytes:
        """Read the first version; raise :exc:`NotThere`, :exc:`Denied` or :exc:`Unreachable`."""

    def chunks(self, key: str) -> Iterator[bytes]:
        """Read the first version piece by piece; raises as :meth:`get` does, also half-way."""

    def head(self, key: str) -> Head:
        """Tell about the first version; raises as :meth:`get` does."""

    def list(self, prefix: str) -> Iterator[Listed]:
        """Give every object whose key begins with ``prefix``, by key; deleted ones too."""

    def remove(self, key: str) -> None:
        """Delete every version of ``key``, none is no error; :exc:`Denied` where one is locked."""

    def set_rules(self, rules: Sequence[Rule]) -> tuple[str, ...]:
        """Put ``rules`` in the place of those that were set so before, and leave others' alone.

        Gives a sentence for each that the store does not keep.
        """

    def extend_lock(self, key: str, until: Nanos) -> None:
        """Lock the first version until then; :exc:`Denied` where that is earlier than it is."""


def keep(objects: Objects, key: str, content: bytes, retain_until: Nanos | None) -> None:
    """Put ``content`` under ``key``, or find the same bytes there: right again after any crash.

    Raises :exc:`Differs` where others stand there, else as :meth:`Objects.put_new` does.
    """
    try:
        objects.put_new(key, content, retain_until)
    except AlreadyThere:
        if objects.get(key) != content:
            raise Differs(
                f"{key} of {objects.capabilities.store} holds other bytes than were to be written:"
                " nothing was replaced; find out who wrote it before the service goes on"
            ) from None
