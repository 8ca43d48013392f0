"""The document of the attacks is what is tested, and no check is there for nothing."""

import re
from pathlib import Path

from tests.audit.attacks.forging import Made
from tests.audit.attacks.scenes import copied, first_report
from tests.audit.attacks.table import ATTACKS, COUNT, DOCUMENT, ELSEWHERE, ROOT, document
from trading_runtime.evidence.verify.checks import ALL_CHECKS, Check


def test_the_document_is_that_of_the_tests() -> None:
    assert DOCUMENT.read_text() == document()


def test_every_attack_of_the_list_is_tried_somewhere() -> None:
    tried = {each.number for each in ATTACKS} | {each.number for each in ELSEWHERE}
    assert tried == set(range(1, COUNT + 1))


def test_the_tests_that_it_names_are_there() -> None:
    for each in ELSEWHERE:
        place, _, name = each.test.partition("::")
        assert re.search(rf"^(async )?def {name}\(", (ROOT / place).read_text(), re.MULTILINE), each


def test_without_the_check_that_told_it_an_attack_is_told_otherwise_or_not_at_all(
    attacked: Made, tmp_path: Path
) -> None:
    """One attack of each check of the application's verifier that the attacks reach."""
    reached: set[Check] = set()
    unmoved = []
    kinds = {(each.exit, each.check, each.first, each.ours): each for each in ATTACKS}
    for number, attack in enumerate(kinds.values()):
        scene = copied(attacked, tmp_path / str(number))
        attack.act(scene)
        found = first_report(scene).first
        if found is None or found.check in reached:
            continue
        reached.add(found.check)
        other = first_report(scene, ALL_CHECKS - {found.check}).first
        if other is not None and other.check is found.check:
            unmoved.append(attack.name)
    assert unmoved == []
    assert len(reached) > 15
