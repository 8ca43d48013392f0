"""``tapedeck verify`` and ``tapedeck proof``: what a person types, and what a script reads."""

import json
from pathlib import Path

import pytest

from tests.evidence.verify.attacks import (
    cut_tail,
    flipped_tile,
    indexed,
    old_cosignature,
    stray_object,
)
from tests.evidence.verify.building import Building
from trading_runtime.cli.main import main
from trading_runtime.evidence import entry


@pytest.fixture
def log(tmp_path: Path) -> Building:
    return indexed(tmp_path / "data").log


def run(log: Building, *words: str, now: int = 0) -> int:
    return main(["verify", "--data", str(log.root), "--now", str(now or log.now + 60), *words])


def test_a_good_log_is_told_with_what_does_not_protect_it(
    log: Building, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(log, "--all") == 0
    told = capsys.readouterr().out
    for line in (
        "integrity     ok",
        "completeness  ok",
        "freshness     ok",
        "roles: all separate: producer (trader), log (keeper)",
        "absent: no pin was given: trust.json is believed as it stands beside the log",
        "absent: no retention lock: the owner of the folder can delete and replace objects",
    ):
        assert line in told
    assert run(log, "--pin", log.pin) == 0
    assert "no pin was given" not in capsys.readouterr().out


def test_each_verdict_has_its_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tampered = flipped_tile(tmp_path / "tampered")
    incomplete = cut_tail(tmp_path / "incomplete")
    stale = old_cosignature(tmp_path / "stale")
    assert run(tampered.log) == 1
    told = capsys.readouterr().out
    assert "tile-hash (integrity)" in told
    assert "index 3" in told
    assert run(incomplete.log) == 2
    assert "entries-missing (completeness)" in capsys.readouterr().out
    assert run(stale.log, now=stale.now) == 3
    assert "cosignature-age (freshness)" in capsys.readouterr().out
    assert run(stale.log, "--fresh-within", "7200", now=stale.now) == 0


def test_a_script_reads_json(log: Building, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(log, "--entity", "order:1", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["entries"] == 3
    assert told["first"] is None
    stray_object(log.root)
    assert run(log, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["first"]["check"] == "archive-unknown"
    assert told["integrity"] == "failed"
    assert told["completeness"] == "ok"


def test_a_range_is_asked_for_by_log_time(
    log: Building, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(log, "--from", "2026-11-20T01:00:00Z", "--to", "2026-11-20T02:00:00") == 0
    assert "from 2026-11-20T01:00:00" in capsys.readouterr().out


def test_a_witness_that_remembers_more_is_believed(log: Building, tmp_path: Path) -> None:
    copy = tmp_path / "witness"
    copy.write_bytes(log.checkpoint())
    assert run(log, "--checkpoint", str(copy)) == 0
    cut_tail(log.root)
    log.write_checkpoint(log.checkpoint(13))
    assert run(log, "--checkpoint", str(copy)) == 2


def test_a_third_party_needs_proof_entry_and_keys(
    log: Building, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    event_id = entry.read(log.entries[5]).event_id
    proof, data, trust = tmp_path / "a.tlog-proof", tmp_path / "a.json", log.audit / "trust"
    asked = ["proof", event_id, "--data", str(log.root), "--out", str(proof), "--entry", str(data)]
    assert main(asked) == 0
    assert data.read_bytes() == log.entries[5]
    alone = ["verify", "--receipt", str(proof), "--entry", str(data), "--trust", str(trust)]
    assert main([*alone, "--now", str(log.now)]) == 0
    data.write_bytes(log.entries[6])
    assert main([*alone, "--now", str(log.now)]) == 1
    capsys.readouterr()
    assert main(["proof", event_id, "--data", str(log.root)]) == 0
    assert capsys.readouterr().out == proof.read_text()


@pytest.mark.parametrize(
    "words",
    [
        ["verify"],
        ["verify", "--data", "/nowhere"],
        ["verify", "--data", "/nowhere", "--from", "2026-11-22", "--to", "2026-11-21"],
        ["verify", "--trust", "/nowhere", "--archive", "/nowhere"],
        ["proof", "no-such-event", "--log", "/nowhere"],
        ["audit", "search", "--data", "/nowhere", "--from", "yesterday"],
    ],
)
def test_a_question_that_cannot_be_asked_is_no_tampering(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err.startswith("tapedeck: ")
