"""Each check is needed: a tampering that it notices first, and that passes without it."""

from pathlib import Path

import pytest

from tests.evidence.verify.attacks import ATTACKS, NOT_ALONE
from trading_runtime.evidence.verify.checks import ALL_CHECKS, RULES, Check, table
from trading_runtime.evidence.verify.report import EXIT

ELSEWHERE = frozenset({Check.HEADS_CHAIN, Check.RECEIPT})
"""Of one entity and of receipts: test_entity and test_receipts have their attacks."""
DOCUMENT = Path(__file__).parents[3] / "docs" / "record-format.md"


def test_every_check_has_a_rule_and_an_attack() -> None:
    assert set(RULES) == set(Check)
    assert set(ATTACKS) | ELSEWHERE == set(Check)


def test_the_document_lists_every_check() -> None:
    assert table() in DOCUMENT.read_text()


@pytest.mark.parametrize("check", ATTACKS, ids=lambda check: check.value)
def test_its_attack_is_told_first_by_the_check(check: Check, tmp_path: Path) -> None:
    report = ATTACKS[check](tmp_path).look()
    assert report.first is not None
    assert report.first.check is check
    assert report.exit_status == EXIT[RULES[check].verdict]


@pytest.mark.parametrize("check", ATTACKS, ids=lambda check: check.value)
def test_without_the_check_its_attack_passes_or_is_told_by_a_later_one(
    check: Check, tmp_path: Path
) -> None:
    report = ATTACKS[check](tmp_path).look(ALL_CHECKS - {check})
    assert check.value not in report.counts
    assert (report.exit_status == 0) is (check not in NOT_ALONE)
