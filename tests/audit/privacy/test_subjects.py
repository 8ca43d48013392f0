"""A person's fields are read with the person's key alone, and by nobody once it is destroyed."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading_runtime.audit.privacy.concealing import conceal
from trading_runtime.audit.privacy.subjects import PREFIX, SubjectKeys
from trading_runtime.errors import Refused
from trading_runtime.evidence.submission import Deed

PERSON = "ada.l"
"""No text that a key's id or an encrypted field may hold by chance: those are hex and base64."""
LOGIN = Deed(
    event_id="0b0f2f1e-4f5a-4b6c-8d7e-9f0a1b2c3d4e",
    event_time_ns=1_700_000_000_000_000_000,
    service_name="console",
    event_type="LoggedIn",
    trace_id=None,
    user_id=PERSON,
    entity_id=f"user:{PERSON}",
    client_ip="192.0.2.7",
    operation="login",
    before_state=None,
    after_state=None,
    request_data={"user": PERSON, "method": "password"},
)


@settings(suppress_health_check=list(HealthCheck), max_examples=30)
@given(subject=st.text(min_size=1), text=st.text())
def test_what_is_concealed_is_read_again(tmp_path: Path, subject: str, text: str) -> None:
    keys = SubjectKeys(tmp_path / "subjects")
    concealed = keys.conceal(subject, text)
    assert concealed.startswith(PREFIX)
    assert SubjectKeys(tmp_path / "subjects").reveal(concealed) == text


def test_a_destroyed_key_leaves_nothing_to_read(tmp_path: Path) -> None:
    keys = SubjectKeys(tmp_path)
    concealed = keys.conceal("ada", "ada")
    keys.destroy(keys.key_id("ada"))
    assert keys.reveal(concealed) is None
    again = keys.conceal("ada", "ada")
    assert again != concealed
    assert keys.reveal(again) == "ada"
    with pytest.raises(Refused, match="has been changed"):
        keys.reveal(concealed)  # under the new key the old text is no text


def test_a_changed_field_is_refused_and_not_read(tmp_path: Path) -> None:
    keys = SubjectKeys(tmp_path)
    concealed = keys.conceal("ada", "192.0.2.7")
    other = "A" if concealed[-5] != "A" else "B"
    with pytest.raises(Refused, match="has been changed"):
        keys.reveal(concealed[:-5] + other + concealed[-4:])
    with pytest.raises(Refused, match="not an encrypted field"):
        keys.reveal("ada")


def test_no_key_can_be_read_by_others(tmp_path: Path) -> None:
    keys = SubjectKeys(tmp_path / "subjects")
    keys.conceal("ada", "ada")
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "subjects").iterdir()} == {0o600}
    assert (tmp_path / "subjects").stat().st_mode & 0o777 == 0o700


def test_a_login_names_nobody_and_two_of_one_person_are_still_one_entity(tmp_path: Path) -> None:
    keys = SubjectKeys(tmp_path)
    deed = conceal(LOGIN, keys)
    assert PERSON not in repr(deed)
    assert "192.0.2.7" not in repr(deed)
    assert deed == conceal(LOGIN, keys)
    assert deed.entity_id == f"user:{keys.key_id(PERSON)}"
    assert deed.request_data is not None
    assert deed.request_data["method"] == "password"


def test_a_key_that_another_process_destroyed_is_not_used_again(tmp_path: Path) -> None:
    keys, others = SubjectKeys(tmp_path), SubjectKeys(tmp_path)
    assert not keys.holds("ada")
    before = keys.conceal("ada", "ada")
    assert others.holds("ada")
    others.destroy(others.key_id("ada"))
    assert not keys.holds("ada")
    after = keys.conceal("ada", "ada")
    assert after != before
    assert SubjectKeys(tmp_path).reveal(after) == "ada"
