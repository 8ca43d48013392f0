"""What a stream is to the two that use it: a producer publishes to it, the sequencer polls it.

A stream delivers at least once. Order is kept within one boot of one producer and nowhere else:
a source holds back what overtook its predecessor, however the stream spread it. What a delivery
says about itself is only where it came from; the submission inside decides, and its signature.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from trading_runtime.errors import Fault

Place = Callable[[str, str], int]
"""Of a producer id and a boot: the last sequence that the log holds, 0 for none. A source begins
each boot behind it; so the log's own index is the one durable offset."""


class StreamDown(Fault):
    """The stream does not take or give anything now; nothing is lost, try again later."""


class Parcel(NamedTuple):
    """A submission on its way out, with what a stream needs to place it."""

    producer_id: str
    boot: str
    seq: int
    entity_id: str
    envelope: bytes
    """As ``evidence.submission.envelope`` makes it: the submission and its blobs."""

    @property
    def name(self) -> str:
        """The one name of this submission, equal when it is sent again."""
        return f"{self.producer_id}/{self.boot}/{self.seq}"


class Delivery(NamedTuple):
    """A submission that arrived."""

    envelope: bytes
    token: object
    """What :meth:`Source.commit` takes; opaque."""
    producer_id: str
    boot: str
    seq: int


class Damage(NamedTuple):
    """What a source found broken in one boot; it reads no further there."""

    producer_id: str
    boot: str
    reason: str
    """A short fixed word: ``damaged``, ``missing``, ``misplaced``, ``unreadable``."""
    detail: str


class Receipt(NamedTuple):
    """A proof that the log holds a producer's entry, and so all before it in that boot."""

    boot: str
    text: bytes


class Source(Protocol):
    """The sequencer's end of a stream."""

    def poll(self, limit: int) -> list[Delivery]:
        """Give at most ``limit`` deliveries that wait, in order per producer and boot; never wait.

        What was given is not given again while this object lives.

        Raises:
            StreamDown: nothing can be read now.
        """
        ...

    def damages(self) -> list[Damage]:
        """Give what was found broken since the last call: each one is an alarm."""
        ...

    def commit(self, tokens: Iterable[object]) -> None:
        """Tell the stream that these are durable in frames and index, or refused for ever.

        What was never committed is delivered again after a restart.

        Raises:
            StreamDown: the stream did not hear it; they will come again, which is harmless.
        """
        ...

    def receipt(self, producer_id: str, boot: str, text: bytes) -> None:
        """Send a producer its newest receipt; it replaces the one before.

        Raises:
            StreamDown: it was not sent.
        """
        ...

    def close(self) -> None: ...


class Publisher(Protocol):
    """A producer's end of a stream. Its calls come from one thread."""

    passive: bool
    """True where the producer's own log is the stream: nothing has to be published."""

    def publish(self, parcels: Sequence[Parcel]) -> None:
        """Return when the stream holds all of ``parcels`` durably.

        Raises:
            StreamDown: some may have arrived, some not; send all of them again.
        """
        ...

    def receipts(self) -> list[Receipt]:
        """Give the newest receipt of each boot of this producer; never wait for one.

        Raises:
            StreamDown: they cannot be read now.
        """
        ...

    def close(self) -> None: ...
