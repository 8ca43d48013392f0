"""The verification of a log: from a folder and an archive to three verdicts, offline.

It believes the public keys, the pin and nothing else. Blocks are read one by one, wherever the
caller spreads them, and put together in order; every rule that fails is a finding with the name of
its check. The index database is compared with the log, never believed.
"""

from pathlib import Path

import msgspec

from trading_runtime.evidence import layout
from trading_runtime.evidence.policy import NONE
from trading_runtime.evidence.verify import digests, hot
from trading_runtime.evidence.verify.archive import Archive, Columns
from trading_runtime.evidence.verify.asked import Evidence, Question
from trading_runtime.evidence.verify.believed import Believed, check_fresh, read_trust
from trading_runtime.evidence.verify.boots import Boots, verify_signatures
from trading_runtime.evidence.verify.checks import Verdict
from trading_runtime.evidence.verify.cold import check_objects
from trading_runtime.evidence.verify.collecting import uncollected
from trading_runtime.evidence.verify.entity import verify_entity
from trading_runtime.evidence.verify.findings import Findings
from trading_runtime.evidence.verify.manifests import PeriodChecks, read_copy
from trading_runtime.evidence.verify.receipts import verify_receipt
from trading_runtime.evidence.verify.report import Report, told_roles, verdicts
from trading_runtime.evidence.verify.spans import ALARMS
from trading_runtime.evidence.verify.spread import Spread, here, over
from trading_runtime.evidence.verify.stitch import Stitch
from trading_runtime.evidence.verify.verification import Verification

SIGNATURES_TOGETHER = 500
"""Signatures that one task judges."""
TOLD_WORDS = ("ForkDeclared", "IndexRebuilt", "TailCut", "FramesPruned")
"""What the log says about itself that a reader of a report wants to know."""


def verify_folder(
    audit: Path,
    question: Question,
    *,
    archive: Archive | None = None,
    columns: Columns | None = None,
    pin: str | None = None,
    jobs: int = 1,
) -> Report:
    """Verify the log in a runtime's folder ``<data>/audit``, with its index where there is one."""
    database = audit / "index.sqlite"
    evidence = Evidence(
        log=layout.log_folder(audit),
        trust=layout.trust_path(audit).parent,
        archive=archive,
        columns=columns,
        index=hot.SqliteRows(str(database)) if database.exists() else None,
        pin=pin,
    )
    with over(jobs) as spread:
        return verify(evidence, question, spread)


def verify(evidence: Evidence, question: Question, spread: Spread = here) -> Report:
    """Verify all of a log, or what it took in between two times."""
    findings = Findings(question.checks)
    believed = read_trust(evidence.trust, evidence.pin, findings)
    if believed is None:
        return summed(findings, evidence, question, Summary())
    run = Verification(evidence, question, believed, findings)
    notices: list[str] = []
    if question.entity is not None:
        entries = verify_entity(run, question.entity)
    elif question.receipt is not None:
        entries = verify_receipt(run, question.receipt, question.entry)
    else:
        with uncollected():
            entries, notices = verify_blocks(run, spread)
    check_age(run)
    read = Summary(
        believed, (*run.notices, *notices), entries, run.witnessed, len(run.held.numbers)
    )
    return summed(findings, evidence, question, read)


def verify_blocks(run: Verification, spread: Spread) -> tuple[int, list[str]]:
    """Read the blocks of the range, put them together, judge signatures and the cold copy."""
    evidence, trust = run.evidence, run.believed.trust
    boots = Boots(trust.origin, trust)
    checks = PeriodChecks(run.held, evidence.log, evidence.archive, run.listing)
    stitch = Stitch(boots, digests.periods(run.held), checks.check)
    entries = run.read_blocks(stitch, spread)
    run.finish(stitch, boots)
    signed, together = boots.signed, SIGNATURES_TOGETHER
    batches = (signed[at : at + together] for at in range(0, len(signed), together))
    for found in spread(verify_signatures, batches):
        run.findings.extend(found)
    for found in spread(read_copy, checks.copies):
        run.findings.extend(found)
    check_objects(run, stitch, spread)
    return entries, told(run, stitch)


def check_age(run: Verification) -> None:
    """Judge freshness: the newest checkpoint's cosignatures, and the digests by the clock."""
    question, trust = run.question, run.believed.trust
    within = question.fresh_within
    period = trust.digest_period_seconds if within is None else within
    check_fresh(run.top, question.now, period, run.findings)
    if question.receipt is None:
        digests.check_due(run.held, run.believed, question.now, run.findings)


class Summary(msgspec.Struct, frozen=True):
    """What was read, besides findings; empty where nothing could be believed."""

    believed: Believed | None = None
    notices: tuple[str, ...] = ()
    entries: int = 0
    size: int = 0
    digests: int = 0


def told(run: Verification, stitch: Stitch) -> list[str]:
    """Give what is no failure, and worth knowing."""
    notices = []
    behind = stitch.size - run.witnessed
    if behind > 0:
        notices.append(f"{behind} entries stand behind the newest checkpoint: no evidence yet")
    notices += [
        f"{producer} says that an overflow in boot {boot} took {count} events"
        for (producer, boot), count in sorted(stitch.dropped.items())
    ]
    notices += [
        f"entry {word.at} of the log says {word.event_type}"
        for word in stitch.words
        if word.event_type in TOLD_WORDS or word.event_type in ALARMS
    ]
    if run.held.missing_in_archive:
        numbers = ", ".join(map(str, run.held.missing_in_archive[:10]))
        notices.append(f"the archive lacks digests that the log holds: {numbers}")
    return notices


def summed(findings: Findings, evidence: Evidence, question: Question, read: Summary) -> Report:
    """Put findings and what was read into a report."""
    status, verdict = verdicts(findings)
    found = findings.sorted()
    believed = read.believed
    return Report(
        exit_status=status,
        integrity=verdict[Verdict.INTEGRITY],
        completeness=verdict[Verdict.COMPLETENESS],
        freshness=verdict[Verdict.FRESHNESS],
        first=found[0] if found else None,
        findings=found,
        counts={check.value: count for check, count in findings.counts.items()},
        notices=list(read.notices),
        absent=absent(evidence, believed),
        roles="not known" if believed is None else told_roles(believed.trust.roles),
        origin="" if believed is None else believed.trust.origin,
        pin="" if believed is None else believed.pin,
        scope=question.scope,
        entries=read.entries,
        size=read.size,
        digests=read.digests,
        checked_at=question.now,
    )


def absent(evidence: Evidence, believed: Believed | None) -> list[str]:
    """Tell which protections are not there, or were not used."""
    found = []
    if evidence.pin is None:
        found.append("no pin was given: trust.json is believed as it stands beside the log")
    if not evidence.checkpoints:
        found.append("no witness's own copy of a checkpoint was given")
    if believed is not None and believed.policy.quorum == NONE:
        found.append("the policy asks for no witness")
    if believed is not None and len(believed.policy.witnesses) == 1:
        found.append("one witness alone: who holds its key can cosign anything")
    if evidence.archive is None:
        found.append("no archive was given: no cold copy was looked at")
    else:
        found += evidence.archive.capabilities.absent
        if evidence.columns is None:
            found.append("no reader of Parquet: its columns were not compared")
    if evidence.index is None:
        found.append("no index was given: the searchable copy was not compared")
    return found
