"""Every attack of the list against a real log, judged by both verifiers."""

from pathlib import Path

import pytest

from tests.audit.attacks import archives, encodings, entries, trees
from tests.audit.attacks.forging import Made, make_log
from tests.audit.attacks.scenes import Attack, Outcome, copied, second

ATTACKS = [*entries.ATTACKS, *encodings.ATTACKS, *trees.ATTACKS, *archives.ATTACKS]


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_log(tmp_path_factory.mktemp("attacked"))


def test_before_an_attack_all_is_well(attacked: Made, tmp_path: Path) -> None:
    assert second(copied(attacked, tmp_path)) == Outcome(0)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_is_caught(attack: Attack, attacked: Made, tmp_path: Path) -> None:
    scene = copied(attacked, tmp_path)
    attack.act(scene)
    assert second(scene) == attack.expected(scene)
