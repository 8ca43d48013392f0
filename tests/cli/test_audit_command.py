"""The audit record by its commands: begun, kept, cut, forked, and verified after all of it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from trading_runtime.audit.client.client import Act
from trading_runtime.audit.client.opening import open_client
from trading_runtime.audit.privacy.subjects import SubjectKeys
from trading_runtime.config import SHIPPED, load_settings
from trading_runtime.evidence.canonical import JsonObject

ROOT = Path(__file__).parents[2]
TAPEDECK = (sys.executable, "-m", "trading_runtime.cli.main")
WITHIN_S = 180.0


def tapedeck(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*TAPEDECK, *map(str, words)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
    )


@contextmanager
def running(*words: str | Path) -> Iterator[list[str]]:
    """Run a command until it is ready, and stop it in order; give what it said until then."""
    command = [*TAPEDECK, *map(str, words)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line.strip())
        if said[-1] == "ready":
            break
    yield said
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=WITHIN_S)
    assert process.returncode == 0


def keep(data: Path) -> None:
    """Let witness and service run once, from a start to an orderly stop."""
    with running("witness", "--data", data) as said:
        at = next(line for line in said if " on " in line).rpartition(" ")[2]
        with running("audit", "run", "--data", data, "--witness-at", f"own={at}"):
            pass


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    begun = tapedeck("audit", "init", "--data", tmp_path, "--origin", "desk.example/one")
    assert begun.returncode == 0, begun.stderr
    keep(tmp_path)
    return tmp_path


def test_a_log_that_was_kept_verifies_and_can_be_searched(kept: Path) -> None:
    assert tapedeck("verify", "--data", kept, "--all").returncode == 0
    found = tapedeck("audit", "search", "--data", kept, "--type", "TrustDeclared")
    assert found.stdout.count("\n") == 1
    assert '"entityId":"log:desk.example/one"' in found.stdout
    status = tapedeck("audit", "status", "--data", kept)
    assert "audit_refused 0" in status.stdout


def test_a_service_of_ones_own_writes_entries_and_a_person_in_them_can_be_read(
    tmp_path: Path,
) -> None:
    words = ("--origin", "desk.example/one", "--producer", "billing")
    assert tapedeck("audit", "init", "--data", tmp_path, *words).returncode == 0
    client = open_client(tmp_path, load_settings(SHIPPED).audit, "billing")
    total: JsonObject = {"total": "12.50"}
    client.emit(
        Act(event_type="InvoiceSent", operation="send", entity_id="account:7", after_state=total)
    )
    ada = SubjectKeys(tmp_path / "audit" / "keys" / "subjects").conceal("ada", "ada")
    client.critical(
        Act(event_type="LimitRaised", operation="raise", entity_id="account:7", user_id=ada)
    )
    client.close()
    keep(tmp_path)
    asked = ("audit", "search", "--data", tmp_path, "--entity", "account:7", "--reveal")
    found = [json.loads(line) for line in tapedeck(*asked).stdout.splitlines()]
    assert [it["entry"]["eventType"] for it in found] == ["LimitRaised", "InvoiceSent"]
    assert [it["entry"]["version"] for it in found] == [2, 1]
    assert [it["revealed"] for it in found] == [{"userId": "ada"}, {}]
    assert tapedeck("verify", "--data", tmp_path, "--entity", "account:7").returncode == 0


def test_a_log_that_lost_entries_is_refused_and_a_fork_goes_on(kept: Path) -> None:
    copied = tapedeck("audit", "archive", "--data", kept)
    assert copied.stdout.startswith("blocks/000000.p/")
    frames = kept / "audit" / "log" / "frames" / "000000.frames"
    os.truncate(frames, frames.stat().st_size - 700)
    with running("witness", "--data", kept) as said:
        at = next(line for line in said if " on " in line).rpartition(" ")[2]
        refused = tapedeck("audit", "run", "--data", kept, "--witness-at", f"own={at}")
    assert refused.returncode == 1
    assert "entries were lost or rolled back" in refused.stderr
    assert "audit_refused 1" in tapedeck("audit", "status", "--data", kept).stdout

    asked = ("--origin", "desk.example/two", "--reason", "frames were cut")
    forked = tapedeck("audit", "fork", "--data", kept, *asked)
    assert forked.stdout.startswith("pin "), forked.stderr
    keep(kept)
    verified = tapedeck("verify", "--data", kept, "--all")
    assert verified.returncode == 0, verified.stdout
    assert "ForkDeclared" in verified.stdout
    second = subprocess.run(
        [sys.executable, "tools/audit_verify.py", str(kept / "audit")],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert second.returncode == 0, second.stdout


def test_what_cannot_be_done_is_one_clear_line(kept: Path) -> None:
    for words, why in (
        (("audit", "init"), "was begun"),
        (("audit", "rotate", "producer"), "which producer? name it with --name"),
        (("audit", "prune", "--keep", "0"), "the log needs its newest block"),
        (("audit", "erase", "ada", "--reason", "x"), "there is no key"),
    ):
        done = tapedeck(*words, "--data", kept)
        assert done.returncode == 2, (words, done.stdout, done.stderr)
        assert why in done.stderr
        assert done.stderr.count("\n") == 1
