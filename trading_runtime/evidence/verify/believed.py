"""Whom a verification believes, and every checkpoint that it has found."""

from pathlib import Path
from typing import NamedTuple

from trading_runtime.errors import Misread
from trading_runtime.evidence import policy as policies
from trading_runtime.evidence import trust as trusts
from trading_runtime.evidence.policy import Policy
from trading_runtime.evidence.trust import Accepted, Trust
from trading_runtime.evidence.verify.checks import Check
from trading_runtime.evidence.verify.findings import Finding, Findings

CHECKPOINT_CHECKS = {
    "origin": Check.CHECKPOINT_ORIGIN,
    "log_key": Check.CHECKPOINT_KEY,
    "signature": Check.CHECKPOINT_SIGNATURE,
    "unsigned": Check.CHECKPOINT_SIGNATURE,
}
"""By the reason of :func:`trust.open_checkpoint`; any other is the form."""
PUBLISHED = "log/checkpoint"


class Believed(NamedTuple):
    """trust.json, the policy and the pin of the former."""

    trust: Trust
    policy: Policy
    pin: str


class Seen(NamedTuple):
    """A checkpoint that the log signed, and where it was found."""

    where: str
    data: bytes
    accepted: Accepted


def read_trust(folder: Path, pin: str | None, findings: Findings) -> Believed | None:
    """Read trust.json and policy from ``folder``; None where nothing can be believed."""
    try:
        data = (folder / "trust.json").read_bytes()
        policy_data = (folder / "policy").read_bytes()
    except OSError as fault:
        said = f"it cannot be read: {fault.strerror}"
        findings.add(Finding(check=Check.TRUST_MISSING, said=said, where=str(fault.filename)))
        return None
    found = trusts.pin(data)
    if pin is not None and pin != found:
        said = "trust.json is not the one that was pinned"
        findings.add(Finding(check=Check.PIN, said=said, expected=pin, found=found))
    try:
        trust = trusts.read(data)
        policy = policies.parse(policy_data)
    except Misread as misread:
        findings.add(Finding(check=Check.TRUST_FORM, said=str(misread), where=str(folder)))
        return None
    try:
        trusts.check_policy(trust, policy_data)
    except Misread as misread:
        findings.add(Finding(check=Check.POLICY_HASH, said=misread.detail))
    return Believed(trust, policy, found)


def open_checkpoint(where: str, data: bytes, believed: Believed, findings: Findings) -> Seen | None:
    """Read a checkpoint; None where it is not believed, which is a finding."""
    try:
        accepted = trusts.open_checkpoint(data, believed.trust, believed.policy)
    except Misread as misread:
        check = CHECKPOINT_CHECKS.get(misread.reason, Check.CHECKPOINT_FORM)
        findings.add(Finding(check=check, said=misread.detail, where=where))
        return None
    return Seen(where, data, accepted)


def newest(seen: list[Seen]) -> Seen | None:
    """Give the largest; of equal ones that with a quorum, then the latest cosigned."""

    def order(it: Seen) -> tuple[int, bool, int]:
        accepted = it.accepted
        return accepted.checkpoint.size, accepted.quorum, max(accepted.times.values(), default=0)

    return max(seen, key=order, default=None)


def check_sizes(seen: list[Seen], findings: Findings) -> None:
    """Find two checkpoints of one size that differ: that needs no entries to be seen."""
    first: dict[int, Seen] = {}
    for it in seen:
        checkpoint = it.accepted.checkpoint
        other = first.setdefault(checkpoint.size, it)
        if other.accepted.checkpoint.root != checkpoint.root:
            findings.add(
                Finding(
                    check=Check.CHECKPOINT_CONSISTENCY,
                    said=f"the log signed two roots for size {checkpoint.size}: see {other.where}",
                    where=it.where,
                    expected=other.accepted.checkpoint.root.hex(),
                    found=checkpoint.root.hex(),
                )
            )


def check_rollback(direct: list[Seen], inside: list[Seen], findings: Findings) -> None:
    """Find a published checkpoint that is older than what the digests hold."""
    published = next((it for it in direct if it.where == PUBLISHED), None)
    largest = newest(inside)
    if published is None or largest is None:
        return
    small, large = published.accepted.checkpoint.size, largest.accepted.checkpoint.size
    if small < large:
        findings.add(
            Finding(
                check=Check.ROLLBACK,
                said=f"it is smaller than the one inside {largest.where}",
                where=PUBLISHED,
                expected=str(large),
                found=str(small),
            )
        )


def check_roots(
    seen: list[Seen], top: Seen | None, roots: dict[int, bytes], findings: Findings
) -> None:
    """Compare every checkpoint's root with that of the entries at its size, where it is known."""
    for it in seen:
        checkpoint = it.accepted.checkpoint
        root = roots.get(checkpoint.size)
        if root is None or root == checkpoint.root:
            continue
        check = Check.TREE_ROOT if it is top else Check.CHECKPOINT_CONSISTENCY
        findings.add(
            Finding(
                check=check,
                said=f"the entries have another root at size {checkpoint.size}",
                where=it.where,
                expected=checkpoint.root.hex(),
                found=root.hex(),
            )
        )


def check_fresh(top: Seen | None, now: int, within: int, findings: Findings) -> None:
    """Ask for a quorum on the newest checkpoint, cosigned at most ``within`` seconds ago."""
    if top is None:
        findings.add(Finding(check=Check.QUORUM, said="there is no checkpoint", where=PUBLISHED))
        return
    accepted = top.accepted
    if not accepted.quorum:
        said = "the newest checkpoint has not the cosignatures that the policy asks for"
        findings.add(Finding(check=Check.QUORUM, said=said, where=top.where))
        return
    latest = max(accepted.times.values(), default=None)
    if latest is None or now - latest > within:
        old = "no witness has cosigned it" if latest is None else f"{now - latest} s old"
        findings.add(
            Finding(
                check=Check.COSIGNATURE_AGE,
                said=f"the newest cosignature: {old}",
                where=top.where,
                expected=f"{within} s at most",
                found=None if latest is None else f"{now - latest} s",
            )
        )
