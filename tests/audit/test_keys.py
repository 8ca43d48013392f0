"""The beginning of a log: once, with keys that are their owner's alone."""

from pathlib import Path

import pytest

from trading_runtime.audit.keys import Charter, init, key_path, producer_name, read_key
from trading_runtime.errors import Refused
from trading_runtime.evidence import layout, policy, trust
from trading_runtime.evidence.notes import Kind, SigningKey, Vkey
from trading_runtime.evidence.trust import Roles
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

NOW = Nanos(1_790_000_123 * NANOS_PER_SECOND)
ROLES = Roles(producer="desk", log="log", witness="auditor", archive="vault", watch="watch")


def charter(**changes: object) -> Charter:
    members: dict[str, object] = {
        "origin": "desk.example/tape",
        "roles": ROLES,
        "producers": ("runtime", "console"),
    }
    return Charter(**(members | changes))  # type: ignore[arg-type]


def witness(number: int) -> tuple[str, Vkey, str]:
    vkey = SigningKey.generate(f"w{number}.example", Kind.COSIGNATURE).vkey
    return f"w{number}", vkey, f"https://w{number}.example"


def test_a_log_begins_with_keys_that_its_trust_names(tmp_path: Path) -> None:
    pin = init(tmp_path, charter(), NOW)
    content = layout.trust_path(tmp_path).read_bytes()
    found = trust.read(content)
    assert trust.pin(content) == pin
    trust.check_policy(found, layout.policy_path(tmp_path).read_bytes())
    assert found.roles == ROLES
    assert found.first_period_start == "2026-09-21T14:00:00.000000Z"
    assert read_key(key_path(tmp_path, "log")).vkey in found.log_vkeys(1)
    assert read_key(key_path(tmp_path, "digest")).vkey in found.digest_vkeys(1)
    for producer in ("log", "runtime", "console"):
        vkey = read_key(key_path(tmp_path, producer_name(producer))).vkey
        assert found.producer_vkey(producer, "any") == vkey
    rules = policy.parse(layout.policy_path(tmp_path).read_bytes())
    assert rules.met([read_key(key_path(tmp_path, "witness")).vkey])
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {0o600}


def test_a_log_begins_once(tmp_path: Path) -> None:
    init(tmp_path, charter(), NOW)
    with pytest.raises(Refused, match="has one beginning"):
        init(tmp_path, charter(), NOW)


def test_an_interrupted_beginning_goes_on_with_its_keys(tmp_path: Path) -> None:
    init(tmp_path, charter(), NOW)
    before = key_path(tmp_path, "log").read_text()
    layout.trust_path(tmp_path).unlink()
    init(tmp_path, charter(), NOW)
    assert key_path(tmp_path, "log").read_text() == before


def test_named_witnesses_are_a_quorum(tmp_path: Path) -> None:
    named = tuple(witness(number) for number in range(3))
    init(tmp_path, charter(witnesses=named, quorum=2), NOW)
    rules = policy.parse(layout.policy_path(tmp_path).read_bytes())
    keys = [vkey for _, vkey, _ in named]
    assert [rules.met(keys[:count]) for count in range(4)] == [False, False, True, True]
    assert not key_path(tmp_path, "witness").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "two words"},
        {"origin": "a+b"},
        {"origin": ""},
        {"producers": ("log",)},
        {"producers": ("Up",)},
        {"period_s": 0},
        {"witnesses": (witness(1),) * 2},
    ],
)
def test_what_makes_no_log_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(Refused):
        init(tmp_path, charter(**changes), NOW)
    assert not layout.trust_path(tmp_path).exists()


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    init(tmp_path, charter(), NOW)
    path = key_path(tmp_path, "log")
    path.chmod(0o640)
    with pytest.raises(Refused, match="chmod 600"):
        read_key(path)
    with pytest.raises(Refused, match="cannot be read"):
        read_key(key_path(tmp_path, "no"))
