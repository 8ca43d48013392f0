"""Everything that this package raises, ordered by what the catcher must do.

* :exc:`Fault`
    * :exc:`Misread` -- somebody sent what we cannot read; quarantine it, trust nothing after it
    * :exc:`Halt` -- we can no longer prove what we do; cancel all and exit

        * :exc:`JournalFull` -- the journal takes no more; the emergency segment may

    * :exc:`Refused` -- the caller asked for what cannot be done; tell them, change nothing
"""


class Fault(Exception):
    """The root of the tree; never raised itself."""


class Misread(Fault):
    """Bytes that we cannot read, with the reason as a short fixed word for counting.

    ``reason`` is one of a small closed set per decoder (``malformed``, ``off_tick``, …),
    ``detail`` says what was found.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Halt(Fault):
    """We can no longer prove what we do; cancel all and exit."""


class JournalFull(Halt):
    """The journal takes no more: a write or a sync failed. The emergency segment may still."""


class Refused(Fault):
    """The caller asked for what cannot be done: a bad setting, file or argument."""
