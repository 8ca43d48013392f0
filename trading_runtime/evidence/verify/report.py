"""What a verification says: three verdicts, the first divergence, which protections are absent."""

import msgspec

from trading_runtime.evidence.trust import Roles
from trading_runtime.evidence.verify.checks import RULES, Verdict
from trading_runtime.evidence.verify.findings import Finding, Findings

OK, FAILED = "ok", "failed"
EXIT = {Verdict.INTEGRITY: 1, Verdict.COMPLETENESS: 2, Verdict.FRESHNESS: 3}


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """``entries`` were read, ``size`` is that of the newest checkpoint that is believed."""

    exit_status: int
    integrity: str
    completeness: str
    freshness: str
    first: Finding | None
    findings: list[Finding]
    counts: dict[str, int]
    notices: list[str]
    absent: list[str]
    roles: str
    origin: str
    pin: str
    scope: str
    entries: int
    size: int
    digests: int
    checked_at: int

    def json(self) -> bytes:
        """Give the report as one JSON object."""
        return msgspec.json.encode(self)

    def text(self) -> str:
        """Give the report for a person."""
        lines = [
            f"log {self.origin}, {self.scope}",
            f"{self.entries:,} entries read, checkpoint of {self.size:,}, {self.digests} digests",
            f"integrity     {self.integrity}",
            f"completeness  {self.completeness}",
            f"freshness     {self.freshness}",
        ]
        if self.first is not None:
            lines += ["", "first divergence:", *told(self.first)]
        others = [it for it in self.findings if it is not self.first]
        if others:
            lines += ["", f"{sum(self.counts.values()) - 1} more:"]
            lines += [line for it in others[:SHOWN] for line in told(it)]
        lines += ["", f"roles: {self.roles}", f"pin: {self.pin}"]
        lines += [f"absent: {it}" for it in self.absent]
        lines += [f"note: {it}" for it in self.notices]
        return "\n".join(lines) + "\n"


SHOWN = 20
"""Findings that a person is shown behind the first; all that are kept stand in the JSON."""


def told(finding: Finding) -> list[str]:
    """Give a finding as lines for a person."""
    place = [
        f"{name} {value}"
        for name, value in (
            ("index", finding.index),
            ("entity", finding.entity),
            ("version", finding.version),
            ("in", finding.where),
        )
        if value is not None
    ]
    verdict = RULES[finding.check].verdict.value
    lines = [f"  {finding.check.value} ({verdict}): {finding.said}"]
    lines += [f"    {', '.join(place)}"] if place else []
    lines += [f"    expected {finding.expected}"] if finding.expected is not None else []
    lines += [f"    found    {finding.found}"] if finding.found is not None else []
    return lines


def verdicts(findings: Findings) -> tuple[int, dict[Verdict, str]]:
    """Give the exit status, and each verdict."""
    failed = {RULES[check].verdict for check in findings.counts}
    status = next((EXIT[verdict] for verdict in Verdict if verdict in failed), 0)
    return status, {verdict: FAILED if verdict in failed else OK for verdict in Verdict}


def told_roles(roles: Roles) -> str:
    """Tell which principals are really separate: whoever holds two roles attests to himself."""
    holders: dict[str, list[str]] = {}
    for role in Roles.__struct_fields__:
        holders.setdefault(str(msgspec.structs.asdict(roles)[role]), []).append(role)
    shared = [f"{holder} is {' and '.join(held)}" for holder, held in holders.items() if held[1:]]
    alone = [f"{held[0]} ({holder})" for holder, held in holders.items() if not held[1:]]
    if not shared:
        return f"all separate: {', '.join(alone)}"
    told_shared = f"self-attested, {'; '.join(shared)}"
    return f"{told_shared}; separate: {', '.join(alone)}" if alone else told_shared
