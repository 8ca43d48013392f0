"""One machine: desk, log, witness and watch are four users of it, over the embedded stream."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audit.deployment.premises import USERS, Premises, until
from trading_runtime.journal.settings import JournalSettings
from trading_runtime.journal.writer import JournalWriter
from trading_runtime.records.envelope import Kind, Stamp
from trading_runtime.records.inputs import Action, OperatorCommanded, TurnEnded
from trading_runtime.records.units import Nanos

YEAR_2020 = Nanos(1_577_836_800_000_000_000)
PERSON = "anna"


@pytest.fixture(scope="module")
def premises() -> Iterator[Premises]:
    """Give one whose four processes run, and that has traded once."""
    with Premises() as made:
        made.configure("log")
        made.configure("desk", encrypt_personal=True, retention_days=30)
        made.configure("watch")
        made.begin()
        made.share()
        made.everybody()
        made.traded(1)
        yield made


def test_it_is_whole_for_both_verifiers_and_the_watch_is_silent(premises: Premises) -> None:
    if premises.python is not None:
        log = USERS["log"]
        owners = {path.stat().st_uid for path in (premises.audit / "log").rglob("*")}
        assert owners == {log}
    assert premises.metrics()["audit_alarms_total"] == 0
    assert premises.alarms() == 0
    premises.whole()
    premises.service()
    premises.ready("log")


def test_a_third_party_with_policy_and_trust_alone_checks_a_proof(
    premises: Premises, tmp_path: Path
) -> None:
    found = premises.ok("log", "audit", "search", *premises.here("log"), "--type", "OrderAccepted")
    event = json.loads(found.splitlines()[0])["entry"]["eventId"]
    proof, entry = tmp_path / "order.tlog-proof", tmp_path / "order.json"
    words = ("--data", premises.log, "--out", proof, "--entry", entry)
    assert premises.run("", "proof", event, *words).code == 0
    alone = tmp_path / "third"
    shutil.copytree(premises.w1 / "audit" / "trust", alone)
    checked = ("verify", "--receipt", proof, "--entry", entry, "--trust", alone)
    assert premises.run("", *checked, "--pin", premises.pin).code == 0
    assert premises.run("", *checked, "--pin", "0" * 64).code == 1
    entry.write_bytes(entry.read_bytes().replace(b"Order", b"order", 1))
    assert premises.run("", *checked).code == 1


def test_an_older_copy_of_the_frames_is_refused_until_the_newer_is_put_back(
    premises: Premises, tmp_path: Path
) -> None:
    log, newer = premises.audit / "log", premises.audit / "log.newer"
    shutil.copytree(log, tmp_path / "older")
    premises.traded(2)
    premises.stop("log")
    log.rename(newer)
    shutil.copytree(tmp_path / "older", log)
    premises.own(log, "log")
    before = len(premises.told(premises.audit))
    done = premises.refused()
    assert done.code == 1
    assert "lost or rolled back" in done.err
    assert premises.metrics() == {"audit_refused": 1}
    told = premises.told(premises.audit)
    assert len(told) == before + 1
    assert "lost or rolled back" in told[-1]
    kept = premises.kept()
    premises.trade(3)
    until(lambda: premises.kept() > kept, "the relay keeps what the log does not take")
    shutil.rmtree(log)
    newer.rename(log)
    premises.service()
    premises.arrived(3)
    premises.whole()
    premises.service()
    premises.ready("log")


def test_entries_wait_for_a_witness_that_is_down_also_over_a_restart(premises: Premises) -> None:
    sessions = premises.found("ServiceStopped")
    premises.kill("w1")
    premises.trade(4)
    until(lambda: premises.found("ServiceStopped") > sessions, "the log takes entries in")
    assert not premises.is_witnessed()
    premises.stop("log")
    premises.service()
    premises.ready("log")
    assert not premises.is_witnessed()
    premises.witness()
    until(premises.is_witnessed, "a witnessed checkpoint of all")
    premises.whole()
    premises.service()
    premises.ready("log")


def test_an_erased_person_is_unreadable_and_the_record_verifies(premises: Premises) -> None:
    stamp = Stamp(YEAR_2020, YEAR_2020)
    session = "20200101T000000Z-old"
    writer = JournalWriter.open(premises.desk, session, JournalSettings(emergency_bytes=8192))
    commanded = OperatorCommanded(action=next(iter(Action)), user=PERSON, reason="a test")
    writer.append(Kind.INPUT, stamp, commanded)
    writer.append(Kind.INPUT, stamp, TurnEnded())
    writer.hand_over()
    writer.close()
    premises.own(premises.desk / "journal", "desk")
    here = premises.here("desk")
    by_person = ("desk", "audit", "search", *here, "--user", PERSON)
    until(lambda: bool(premises.ok(*by_person)), "the entry of a person, found by name")
    assert PERSON not in premises.ok(*by_person)
    premises.ok("desk", "audit", "erase", *here, PERSON, "--reason", "asked to")
    until(lambda: premises.found("SubjectErased") == 1, "an entry of the erasure")
    assert premises.ok(*by_person) == ""
    again = premises.run("desk", "audit", "erase", *here, PERSON, "--reason", "asked to")
    assert again.code == 2
    until(premises.is_witnessed, "a witnessed checkpoint of all")
    premises.whole()
    premises.service()
    premises.ready("log")
    if premises.python is not None:
        keys = premises.audit / "keys" / "subjects"
        assert keys.stat().st_uid == USERS["desk"]
        assert not os.access(keys, os.R_OK) or os.geteuid() == 0
