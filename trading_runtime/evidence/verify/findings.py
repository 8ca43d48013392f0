"""What the checks found: one finding each, collected in order, with the first one told first."""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from trading_runtime.evidence.verify.checks import ALL_CHECKS, RULES, Check, Verdict

KEPT_PER_CHECK = 100
"""Findings of one check that are told in full; the rest is counted."""
_BEFORE_ENTRIES = tuple(Check)[: tuple(Check).index(Check.CHECKPOINT_FORM)]
"""What makes everything else worthless comes first, whatever entry is bad."""
_PLACE = {check: place for place, check in enumerate(Check)}


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that contradicts a rule, is missing, or is old.

    ``index``, ``entity`` and ``version`` name the entry where there is one, ``where`` the file or
    object; ``expected`` and ``found`` are hashes or values as text.
    """

    check: Check
    said: str
    index: int | None = None
    entity: str | None = None
    version: int | None = None
    where: str | None = None
    expected: str | None = None
    found: str | None = None


def rank(finding: Finding) -> tuple[int, int, int, int]:
    """Sort findings: trust, then entries by index, then the rest; verdicts before one another."""
    verdict = list(Verdict).index(RULES[finding.check].verdict)
    if finding.check in _BEFORE_ENTRIES:
        return verdict, 0, 0, _PLACE[finding.check]
    if finding.index is None:
        return verdict, 2, 0, _PLACE[finding.check]
    return verdict, 1, finding.index, _PLACE[finding.check]


class Findings:
    """The findings of one verification; those of checks that are switched off are dropped."""

    def __init__(self, checks: frozenset[Check] = ALL_CHECKS) -> None:
        self._checks = checks
        self._kept: list[Finding] = []
        self._counts: Counter[Check] = Counter()

    @property
    def counts(self) -> Mapping[Check, int]:
        return self._counts

    def add(self, finding: Finding) -> None:
        if finding.check not in self._checks:
            return
        self._counts[finding.check] += 1
        if self._counts[finding.check] <= KEPT_PER_CHECK:
            self._kept.append(finding)

    def extend(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.add(finding)

    def sorted(self) -> list[Finding]:
        """Give what was kept, the first divergence first."""
        return sorted(self._kept, key=rank)
