"""One thing that is not as it was; and for how long one may be so before it is declared."""

import msgspec

DECLARED_WITHIN_NS = 10_000_000_000
"""An entry that declares a change is in the frames this soon after it."""


class Finding(msgspec.Struct, frozen=True):
    """``check`` names the rule, ``where`` a file or a table, ``index`` the first entry or -1."""

    check: str
    where: str
    expected: str
    found: str
    index: int = -1


class Grace:
    """Lets a state stand that a change and its declaration pass through, but not for long."""

    __slots__ = ("_since",)

    def __init__(self) -> None:
        self._since: int | None = None

    def judge(self, finding: Finding | None, now: int) -> Finding | None:
        """Give the finding back once it has stood for too long; ``now`` in nanoseconds."""
        if finding is None:
            self._since = None
            return None
        if self._since is None:
            self._since = now
        return finding if now - self._since > DECLARED_WITHIN_NS else None
