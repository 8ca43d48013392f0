"""Every attack of the list against a real log, judged by both verifiers."""

from pathlib import Path

import pytest

from tests.audit.attacks import archives, encodings, entries, stores, trees
from tests.audit.attacks.forging import Made
from tests.audit.attacks.scenes import Attack, copied, first, second

PARTS = (entries, encodings, trees, archives, stores)
ATTACKS = sorted((each for part in PARTS for each in part.ATTACKS), key=lambda each: each.number)


def test_before_an_attack_all_is_well(attacked: Made, tmp_path: Path) -> None:
    scene = copied(attacked, tmp_path)
    assert str(second(scene)) == "exit 0 whole"
    assert str(first(scene)) == "exit 0 whole"


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_is_caught(attack: Attack, attacked: Made, tmp_path: Path) -> None:
    scene = copied(attacked, tmp_path)
    attack.act(scene)
    assert str(second(scene)) == str(attack.expected(scene))
    assert str(first(scene)) == str(attack.expected(scene, ours=True))
