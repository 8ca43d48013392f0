"""What happens to every honest log is no alarm, and is told where a reader wants to know it."""

import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from tests.evidence.verify.attacks import Case, change_digest, filled, indexed, written
from tests.evidence.verify.building import ORIGIN, PERIOD, START, Building, fill, key, put
from trading_runtime.evidence import frames, layout, notes, submission
from trading_runtime.evidence.index_row import IndexRow
from trading_runtime.evidence.submission import Chain
from trading_runtime.evidence.trust import DigestKey, LogKey, ProducerKey
from trading_runtime.evidence.verify.asked import Evidence, Question
from trading_runtime.evidence.verify.checks import Check
from trading_runtime.evidence.verify.hot import SqliteRows
from trading_runtime.evidence.verify.report import Report
from trading_runtime.evidence.verify.verify import verify, verify_folder
from trading_runtime.store.objects.folder import Folder

ONE_MORE = """
    INSERT INTO entries SELECT coalesce(max(id) + 1, 0), 'e' || count(*), 'order:1', count(*) + 99,
    '', '', '', '', NULL, '' FROM entries
"""


def fine(case: Case) -> Report:
    report = case.look()
    assert report.exit_status == 0, report.text()
    return report


def test_a_log_with_its_index_and_archive(tmp_path: Path) -> None:
    report = fine(indexed(tmp_path))
    assert (report.entries, report.size, report.digests) == (15, 15, 3)
    assert report.roles.startswith("all separate")


class Growing(SqliteRows, frozen=True):
    """The index of a log that goes on: with each look there is an entry more than at the last."""

    def rows(self, first: int, end: int) -> list[IndexRow]:
        with closing(sqlite3.connect(self.path)) as database, database:
            database.execute(ONE_MORE)
        return super().rows(first, end)


def test_a_log_that_goes_on_while_it_is_verified(tmp_path: Path) -> None:
    log = indexed(tmp_path).log
    path = str(log.audit / "index.sqlite")
    evidence = Evidence(log=log.log, trust=log.audit / "trust", index=Growing(path), pin=log.pin)
    report = verify(evidence, Question(now=log.now))
    assert report.exit_status == 0, report.text()
    # What is there before the entries are read has to follow from one.
    report = verify(evidence, Question(now=log.now))
    assert report.first is not None
    assert (report.first.check, report.first.index) == (Check.INDEX_EXTRA, 15)


def test_roles_that_are_one_principal_are_self_attested(tmp_path: Path) -> None:
    roles = msgspec.structs.replace(Building(tmp_path).trust.roles, witness="keeper")
    log = Building(tmp_path, roles=roles)
    fill(log)
    log.write()
    assert "self-attested, keeper is log and witness" in fine(Case(log)).roles


def test_a_torn_frame_at_the_end(tmp_path: Path) -> None:
    log = written(tmp_path)
    with layout.frames_path(log.log, 0).open("ab") as file:
        file.write(frames.frame(15, log.entries[3])[:200])
    assert any("torn" in it for it in fine(Case(log)).notices)


def test_entries_behind_the_checkpoint_that_are_not_signed_yet(tmp_path: Path) -> None:
    log = filled(tmp_path)
    note = log.checkpoint()
    log.say("runtime", log.deed("order:1"), log.deed("order:2"), sign=False)
    log.write()
    log.write_checkpoint(note)
    assert any(it.startswith("2 entries stand behind") for it in fine(Case(log)).notices)


@pytest.mark.parametrize("at_once", [True, False])
def test_a_submission_that_was_stepped_over(
    at_once: bool,  # noqa: FBT001 -- pytest's parameter
    tmp_path: Path,
) -> None:
    log = filled(tmp_path)
    again = log.submit("runtime", log.deed("order:1"), sign=False)
    chain = log.chains["runtime"]
    request = {
        "boot": chain.boot,
        "eventId": "of no matter",
        "producerId": "runtime",
        "seq": chain.seq,
        "sha256": sha256(again).hexdigest(),
        "signature": None,
    }
    told = log.deed(f"log:{ORIGIN}", "EventRepeated", request)
    if at_once:
        log.say("log", told)
    log.say("runtime", log.deed("order:2"))
    if not at_once:
        log.say("log", told)
    log.write()
    fine(Case(log))


def test_what_an_overflow_took_is_told(tmp_path: Path) -> None:
    log = filled(tmp_path)
    lost = {"from": submission.event_time(0), "to": submission.event_time(0), "count": 7}
    log.say("runtime", log.deed("producer:runtime", "AuditDropped", lost))
    log.end_period()
    log.write()
    assert any("took 7 events" in it for it in fine(Case(log)).notices)


def test_a_producer_that_was_killed_within_a_batch(tmp_path: Path) -> None:
    log = filled(tmp_path)
    log.say("runtime", log.deed("order:1"), log.deed("order:2"), sign=False)
    log.start("runtime", "20261120T020000")
    log.write()
    fine(Case(log))


def test_keys_that_were_rotated(tmp_path: Path) -> None:
    log = Building(tmp_path)
    new_log, new_digest = (
        key(f"{ORIGIN}"),
        notes.SigningKey(f"{ORIGIN}/digest", notes.Kind.ED25519, bytes(32)),
    )
    newer = notes.SigningKey(ORIGIN, notes.Kind.ED25519, bytes(32))
    producer = notes.SigningKey(f"{ORIGIN}/producer/runtime", notes.Kind.ED25519, bytes(32))
    log.trust = msgspec.structs.replace(
        log.trust,
        log_keys=(
            LogKey(vkey=str(new_log.vkey), from_size=0, to_size=12),
            LogKey(vkey=str(newer.vkey), from_size=13, to_size=None),
        ),
        digest_keys=(
            DigestKey(vkey=str(log.digest_key.vkey), from_digest=1, to_digest=3),
            DigestKey(vkey=str(new_digest.vkey), from_digest=4, to_digest=None),
        ),
        producer_keys=(
            *log.trust.producer_keys,
            ProducerKey(
                producer_id="runtime", vkey=str(producer.vkey), from_boot="20261120T020000"
            ),
        ),
    )
    fill(log)
    log.producer_keys["runtime"] = producer
    log.start("runtime", "20261120T030000")
    log.write()
    log.log_key = newer
    log.write_checkpoint()
    fine(Case(log))


def test_tiles_that_have_grown_behind_the_checkpoint(tmp_path: Path) -> None:
    log = filled(tmp_path)
    log.say("runtime", *(log.deed(f"order:{it}") for it in range(300)))
    log.write()
    log.write_checkpoint(log.checkpoint(300))
    fine(Case(log))


def test_a_digest_before_any_witness(tmp_path: Path) -> None:
    fine(change_digest(tmp_path, checkpoint=None))


def test_an_object_that_the_next_digest_will_name(tmp_path: Path) -> None:
    log = written(tmp_path)
    put(log.archive / layout.bundles_key(0, 12), log.bundle(0, 12))
    assert any("named by no digest yet" in it for it in fine(Case(log)).notices)


def test_the_archive_alone(tmp_path: Path) -> None:
    log = written(tmp_path)
    evidence = Evidence(log=None, trust=log.audit / "trust", archive=Folder(log.archive))
    report = verify(evidence, Question(now=log.now))
    assert (report.exit_status, report.entries) == (0, 10)


def test_a_range_of_periods(tmp_path: Path) -> None:
    log = written(tmp_path)
    report = verify_folder(
        log.audit, Question(now=log.now, since=START + PERIOD, until=START + PERIOD * 3 // 2)
    )
    assert report.exit_status == 0
    assert report.entries == 15  # whole blocks are read


def test_an_empty_log_is_only_stale(tmp_path: Path) -> None:
    log = Building(tmp_path)
    log.write_trust()
    log.write_frames()
    report = verify_folder(log.audit, Question(now=START))
    assert (report.exit_status, report.freshness) == (3, "failed")


def test_a_wiped_log_is_missing_what_a_witness_remembers(tmp_path: Path) -> None:
    log = written(tmp_path)
    note = log.checkpoint()
    empty = Building(tmp_path / "empty")
    empty.write_trust()
    empty.write_frames()
    report = Case(empty, pin=log.pin, checkpoints=(("the witness", note),), now=log.now).look()
    assert report.exit_status == 2
    assert report.first is not None
    assert report.first.found == "0"


def test_periods_before_the_first_entry(tmp_path: Path) -> None:
    log = Building(tmp_path)
    log.end_period()
    log.end_period()
    fill(log)
    log.write()
    fine(Case(log))


def test_a_fork_that_goes_on_with_the_boots_of_the_log_before(tmp_path: Path) -> None:
    log = Building(tmp_path)
    chain = Chain("runtime", "20261119T000000", 41, bytes(range(32)))
    log.chains["runtime"] = chain
    log.start("log", "20261120T000000")
    taken = {"boot": chain.boot, "chain": chain.value.hex(), "id": "runtime", "seq": 41}
    log.say("log", log.deed(f"log:{ORIGIN}", "ForkDeclared", {"producers": [taken]}))
    log.declare()
    log.say("runtime", log.deed("order:1"), log.deed("order:2"))
    log.start("runtime", "20261120T000001")
    log.write()
    assert any("ForkDeclared" in it for it in fine(Case(log)).notices)
    log.entries[2:] = []
    log.heads = {}
    log.chains["runtime"] = Chain("runtime", chain.boot, 41, bytes(32))
    log.declare()
    log.say("runtime", log.deed("order:1"))
    log.write()
    report = Case(log).look()
    assert Check.PRODUCER_SIGNATURE.value in report.counts


def test_a_digest_that_the_log_lost_and_the_archive_has(tmp_path: Path) -> None:
    log = written(tmp_path)
    (log.log / layout.digest_key(2)).unlink()
    report = Case(log).look()
    assert report.exit_status == 2
    assert set(report.counts) == {Check.DIGEST_MISSING.value}


def test_a_digest_that_the_archive_lost_is_told(tmp_path: Path) -> None:
    log = written(tmp_path)
    (log.archive / layout.digest_key(2)).unlink()
    assert any("lacks digests" in it for it in fine(Case(log)).notices)


def test_a_later_digest_cannot_pass_for_the_first(tmp_path: Path) -> None:
    case = change_digest(tmp_path, previous_sha256=None)
    for folder in (case.log.log, case.log.archive):
        for number in (1, 2):
            (folder / layout.digest_key(number)).unlink()
    report = case.look()
    assert report.first is not None
    assert report.first.check is Check.DIGEST_LINK
