"""Deeds told to the audit record: durable before they are done, and never in the way for long."""

import json
from pathlib import Path

import pytest

from trading_runtime.audit.client import deeds as telling
from trading_runtime.audit.client.client import Act
from trading_runtime.audit.client.deeds import NOT_KEPT, PRODUCER, Deeds
from trading_runtime.audit.client.opening import open_producer, settings_of
from trading_runtime.audit.settings import AuditSettings
from trading_runtime.cli.main import main
from trading_runtime.errors import Misread, Refused

SETTINGS = AuditSettings()


def act(number: int) -> Act:
    return Act(
        event_type="FilesPruned",
        operation="prune",
        entity_id="archive:logs",
        request_data={"files": number},
    )


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    assert main(["audit", "init", "--data", str(tmp_path), "--origin", "desk.example/one"]) == 0
    return tmp_path


def told(data: Path) -> list[int]:
    """Give what the producer's own log has of deeds, in order."""
    log = open_producer(data, SETTINGS, PRODUCER)
    try:
        entries = [json.loads(it) for it in log.kept()]
    finally:
        log.stop()
    deeds = [it for it in entries if it["eventType"] == "FilesPruned"]
    return [it["requestData"]["files"] for it in deeds]


def test_a_deed_is_in_the_producers_log_when_it_was_told(kept: Path) -> None:
    deeds = Deeds(kept, SETTINGS)
    assert deeds.tell(act(1)) == ""
    assert deeds.tell(act(2)) == ""
    assert told(kept) == [1, 2]


def test_where_no_record_is_kept_it_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    assert Deeds(tmp_path, SETTINGS).tell(act(1)) == NOT_KEPT
    assert list(tmp_path.iterdir()) == []


def test_while_another_has_the_log_a_deed_is_put_aside_and_the_next_one_brings_it(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "WAIT_S", 0.2)
    deeds = Deeds(kept, SETTINGS)
    other = open_producer(kept, SETTINGS, PRODUCER)
    assert "put aside: another process writes" in deeds.tell(act(1))
    assert len(deeds.waiting()) == 1
    other.stop()
    assert deeds.tell(act(2)) == ""
    assert deeds.waiting() == []
    assert told(kept) == [1, 2]


def test_a_producer_without_a_key_does_not_wait(kept: Path) -> None:
    deeds = Deeds(kept, SETTINGS, "nobody")
    assert "put aside: the key" in deeds.tell(act(1))
    assert len(deeds.waiting()) == 1


def test_what_no_entry_can_say_is_an_error(kept: Path) -> None:
    with pytest.raises(Misread):
        Deeds(kept, SETTINGS).tell(Act(event_type="FilesPruned", operation="prune", entity_id=""))


def test_the_settings_are_those_of_the_file(tmp_path: Path) -> None:
    assert settings_of(None).retention_days == 3650
    file = tmp_path / "tapedeck.toml"
    file.write_text("[audit]\nretention_days = 7\n")
    assert settings_of(file).retention_days == 7
    file.write_text("[audit]\nretention = 7\n")
    with pytest.raises(Refused, match="retention"):
        settings_of(file)
