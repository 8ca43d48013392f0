"""What a way to people is: it makes steps of a notice, and each step is tried by itself."""

from collections.abc import Callable, Sequence
from typing import Protocol

from data_platform.notices.notice import Notice

Step = Callable[[], None]


class Channel(Protocol):
    @property
    def name(self) -> str: ...

    def steps(self, notice: Notice) -> Sequence[Step]:
        """Give what has to be done, in order; a step that was done is not done again.

        A step raises :exc:`TryAgain` or :exc:`Impossible`.
        """


class TryAgain(Exception):
    """The server may take it later; ``after_s`` is what it asks for, 0 where it asks nothing."""

    def __init__(self, said: str, after_s: float = 0.0) -> None:
        super().__init__(said)
        self.after_s = after_s


class Impossible(Exception):
    """It will not be taken however often it is tried: a wrong password, an unknown chat."""
