"""``tapedeck witness`` as an operator meets it."""

import signal
from pathlib import Path

import msgspec
import pytest

from tests.audit.witness.serving import Process, add, ask
from tests.audit.witness.small_log import SmallLog
from trading_runtime.audit.keys import key_path, read_key
from trading_runtime.cli.main import main
from trading_runtime.evidence import checkpoint, trust
from trading_runtime.evidence.notes import Kind as KeyKind
from trading_runtime.evidence.notes import SigningKey, Vkey
from trading_runtime.evidence.trust import LogKey
from trading_runtime.journal.folder import find_sessions
from trading_runtime.journal.reader import read_session
from trading_runtime.records.envelope import Kind


@pytest.fixture
def log(tmp_path: Path) -> SmallLog:
    return SmallLog(tmp_path / "audit")


def observed(data: Path) -> list[str]:
    """Give the names of what a witness wrote into its own journal."""
    folders = find_sessions(data / "audit" / "witness")
    return [
        msgspec.msgpack.decode(record.body)[0]
        for folder in folders
        for record in read_session(folder)
        if record.kind is Kind.OBSERVATION
    ]


def test_it_says_where_it_listens_and_that_it_is_ready(tmp_path: Path, log: SmallLog) -> None:
    process = Process(tmp_path)
    assert process.said[-1] == "ready"
    assert str(log.witness_key.vkey) in process.said[0]
    assert ask(f"{process.url}/health").status == 200
    assert process.end(signal.SIGTERM) == (0, "")
    assert observed(tmp_path) == ["ServiceStarted", "ServiceStopped"]


def test_a_split_view_is_alarmed_in_its_journal_and_on_its_output(
    tmp_path: Path, log: SmallLog
) -> None:
    process = Process(tmp_path)
    add(process.url, log.body(0, 4))
    assert add(process.url, SmallLog(log.audit, "b").body(0, 4)).status == 409
    assert "ALARM AuditTampered" in process.next_line()
    process.end(signal.SIGTERM)
    assert "AuditTampered" in observed(tmp_path)


def test_a_memory_that_was_set_back_is_refused_and_recorded(tmp_path: Path, log: SmallLog) -> None:
    process = Process(tmp_path)
    for size in range(3):
        add(process.url, log.body(size, size + 1))
    process.end(signal.SIGTERM)
    (newest,) = (tmp_path / "audit" / "witness").glob("*/checkpoint")
    newest.write_bytes(log.note(1))
    code, errors = Process(tmp_path).end()
    assert code == 1
    assert "do not belong together" in errors
    assert "AuditRefused" in observed(tmp_path)


def test_a_second_witness_on_the_same_memory_is_refused(tmp_path: Path, log: SmallLog) -> None:
    first = Process(tmp_path)
    code, errors = Process(tmp_path).end()
    assert (code, "another witness" in errors) == (2, True)
    assert add(first.url, log.body(0, 4)).status == 200
    first.end(signal.SIGTERM)


def test_new_keys_of_the_log_are_taken_over_by_sighup(tmp_path: Path, log: SmallLog) -> None:
    process = Process(tmp_path)
    add(process.url, log.body(0, 4))
    new = SigningKey.generate(log.origin)
    keys = (
        LogKey(vkey=str(log.log_key.vkey), from_size=0, to_size=4),
        LogKey(vkey=str(new.vkey), from_size=5, to_size=None),
    )
    path = log.audit / "trust" / "trust.json"
    changed = msgspec.structs.replace(log.trust, log_keys=keys)
    for content, said in ((b"{", "trust is not read again"), (trust.write(changed), "trust was")):
        path.write_bytes(content)
        process.signal(signal.SIGHUP)
        assert said in process.next_line()
    assert add(process.url, log.body(4, 5)).status == 403
    signed = checkpoint.sign(log.checkpoint(5), new)
    body = log.body(4, 5)
    body = body[: body.index(b"\n\n") + 2] + signed
    assert add(process.url, body).status == 200
    process.end(signal.SIGTERM)


def test_a_key_is_made_once_and_only_its_owner_may_read_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["witness", "--data", str(tmp_path), "--make-key", "auditor.example/w1"]
    assert main(words) == 0
    vkey = Vkey.parse(capsys.readouterr().out.strip())
    assert (vkey.name, vkey.kind) == ("auditor.example/w1", KeyKind.COSIGNATURE)
    path = key_path(tmp_path / "audit", "witness")
    assert path.stat().st_mode & 0o077 == 0
    assert read_key(path).vkey == vkey
    assert main(words) == 2
    assert main([*words[:-1], "a name"]) == 2


def test_what_it_cannot_work_with_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["witness", "--data", str(tmp_path)]
    assert main([*words, "--port", "70000"]) == 2
    assert main(words) == 2
    log = SmallLog(tmp_path / "audit")
    assert main([*words, "--key", str(key_path(log.audit, "log"))]) == 2
    assert main([*words, "--trust", str(tmp_path / "nowhere")]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert ["70000" in errors[0], "witness.key" in errors[1]] == [True, True]
    assert ["--make-key" in errors[2], "nowhere" in errors[3]] == [True, True]
