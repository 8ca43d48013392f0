"""A proof convinces whoever has the entry and the public keys, and nobody of anything else."""

from pathlib import Path

import pytest

from tests.evidence.verify.attacks import stripped_cosignature, written
from tests.evidence.verify.building import Building
from trading_runtime.errors import Refused
from trading_runtime.evidence import entry, receipt
from trading_runtime.evidence.verify.asked import Evidence, Question
from trading_runtime.evidence.verify.believed import read_trust
from trading_runtime.evidence.verify.checks import ALL_CHECKS, Check
from trading_runtime.evidence.verify.findings import Findings
from trading_runtime.evidence.verify.receipts import find_event, prove
from trading_runtime.evidence.verify.report import Report
from trading_runtime.evidence.verify.verification import Verification
from trading_runtime.evidence.verify.verify import verify


def opened(log: Building) -> Verification:
    findings = Findings()
    evidence = Evidence(log=log.log, trust=log.audit / "trust")
    believed = read_trust(evidence.trust, None, findings)
    assert believed is not None
    return Verification(evidence, Question(now=log.now), believed, findings)


def proof_of(log: Building, index: int) -> bytes:
    run = opened(log)
    return prove(run, find_event(run, entry.read(log.entries[index]).event_id))


def look(
    log: Building,
    data: bytes,
    given: bytes | None = None,
    *,
    folder: bool = True,
    checks: frozenset[Check] = ALL_CHECKS,
) -> Report:
    evidence = Evidence(log=log.log if folder else None, trust=log.audit / "trust")
    question = Question(now=log.now, receipt=data, entry=given, checks=checks)
    return verify(evidence, question)


@pytest.mark.parametrize("folder", [True, False])
def test_every_entry_can_be_proven_with_the_log_and_without(
    folder: bool,  # noqa: FBT001 -- pytest's parameter
    tmp_path: Path,
) -> None:
    log = written(tmp_path)
    for index, data in enumerate(log.entries):
        report = look(log, proof_of(log, index), None if folder else data, folder=folder)
        assert report.exit_status == 0, report.text()


def test_a_proof_is_for_no_other_entry(tmp_path: Path) -> None:
    log = written(tmp_path)
    proof = proof_of(log, 4)
    report = look(log, proof, log.entries[5])
    assert report.first is not None
    assert (report.first.check, report.exit_status) == (Check.RECEIPT, 1)
    assert look(log, proof, log.entries[5], checks=ALL_CHECKS - {Check.RECEIPT}).exit_status == 0


def test_what_it_says_of_the_entry_beside_the_proof_has_to_be_true(tmp_path: Path) -> None:
    log = written(tmp_path)
    read = receipt.read(proof_of(log, 4))
    assert read.extra is not None
    lying = receipt.Receipt(
        extra=receipt.extra_of(log.entries[5]), index=read.index, proof=read.proof, note=read.note
    )
    report = look(log, receipt.write(lying))
    assert report.first is not None
    assert (report.first.check, report.first.index) == (Check.RECEIPT, 4)


def test_bytes_that_are_no_proof_are_refused(tmp_path: Path) -> None:
    report = look(written(tmp_path), b"c2sp.org/tlog-proof@v2\nindex 1\n\n")
    assert report.first is not None
    assert report.first.check is Check.RECEIPT


def test_a_proof_of_another_history_does_not_fit_the_log(tmp_path: Path) -> None:
    log, other = written(tmp_path / "one"), Building(tmp_path / "other")
    other.start("runtime", "20261120T000001")
    other.say("runtime", *(other.deed(f"order:{it}") for it in range(11)))
    other.write()
    report = look(log, proof_of(other, 4), other.entries[4])
    assert report.first is not None
    assert report.first.check is Check.CHECKPOINT_CONSISTENCY


def test_nothing_is_proven_that_no_witness_has_seen(tmp_path: Path) -> None:
    log = stripped_cosignature(tmp_path).log
    with pytest.raises(Refused, match="ask later"):
        proof_of(log, 4)


def test_an_unknown_event_is_refused(tmp_path: Path) -> None:
    log = written(tmp_path)
    with pytest.raises(Refused, match="no entry of event"):
        find_event(opened(log), "00000000-0000-8000-8000-000000000000")
