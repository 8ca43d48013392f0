"""What comes in by a stream, what stands in the log, and what is told of it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.audit.sequencer.rig import BEGAN_S, ORIGIN, Desk, deed, delivered
from trading_runtime.audit.sequencer.believed import believed
from trading_runtime.audit.sequencer.opening import Opened
from trading_runtime.audit.streams.source import Damage, Delivery
from trading_runtime.evidence import digest, entry, layout, receipt, submission
from trading_runtime.evidence.notes import SigningKey

VERIFIER = Path(__file__).parents[3] / "tools" / "audit_verify.py"
WITHIN_S = 120.0


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    with desk.witnessed():
        yield desk


def publish(opened: Opened) -> None:
    """Checkpoint until everything is witnessed."""
    deadline = monotonic() + WITHIN_S
    opened.sequencer.checkpoint()
    while opened.sequencer.unreceipted or opened.sequencer.checkpoints.asking:
        assert monotonic() < deadline
        sleep(0.002)
        opened.sequencer.checkpoint()


def check_whole(desk: Desk) -> None:
    """Let the second verifier, which shares no code with us, look at everything."""
    now = str(BEGAN_S + 100)
    done = subprocess.run(
        [sys.executable, VERIFIER, desk.audit, "--now", now],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "integrity: ok" in done.stdout, done.stdout
    assert "completeness: ok" in done.stdout, done.stdout


def test_submissions_become_entries_and_come_back_as_a_receipt(desk: Desk) -> None:
    teller = desk.teller()
    with desk.open() as opened:
        deliveries = teller.started() + teller.many(120) + teller.many(30)
        desk.pile.waiting += deliveries
        opened.sequencer.turn()
        assert desk.pile.committed == [it.token for it in deliveries]
        publish(opened)
    found = receipt.read(desk.pile.receipts["runtime", "b1"])
    last, _ = submission.open_envelope(deliveries[-1].envelope)
    proven = receipt.verify_submission(found, last, *believed(desk.audit)[0])
    assert proven.accepted.quorum
    assert entry.read(proven.entry) == desk.entries()[-1]
    check_whole(desk)


def test_one_entity_has_one_chain_whoever_submits(desk: Desk) -> None:
    runtime, console = desk.teller(), desk.teller("c1", "console")
    with desk.open() as opened:
        for number in range(1, 4):
            desk.pile.waiting += runtime.batch(runtime.deed(number))
            desk.pile.waiting += console.batch(console.deed(number))
            opened.sequencer.turn()
    entries = [it for it in desk.entries() if it.entity_id == "order:1"]
    assert [it.version for it in entries] == [1, 2, 3, 4, 5, 6]
    assert entries[0].previous_hash == entry.genesis(ORIGIN, "order:1")


def test_what_comes_twice_leaves_no_trace(desk: Desk) -> None:
    teller = desk.teller()
    deliveries = teller.started() + teller.many(20)
    with desk.open() as opened:
        desk.pile.waiting += deliveries + deliveries[:5]
        opened.sequencer.turn()
        desk.pile.waiting += deliveries
        assert opened.sequencer.turn() == 0
        assert opened.sequencer.repeated == 21
        assert len(desk.pile.committed) == 21 + 5 + 21
    with desk.open() as opened:
        # After a restart nothing of it is remembered, and the frames are asked.
        desk.pile.waiting += deliveries
        assert opened.sequencer.turn() == 1  # LogOpened
        assert opened.sequencer.alarms == 0
    check_whole(desk)


def test_an_event_id_with_other_content_is_an_alarm_and_keeps_the_first(desk: Desk) -> None:
    teller, console = desk.teller(), desk.teller("c1", "console")
    event_id = submission.event_id("s", 1, 0)
    with desk.open() as opened:
        first = teller.started() + teller.batch(deed(event_id, "order:1", 1))
        squatting = console.started() + console.batch(
            deed(event_id, "order:1", 1, operation="place"), console.deed(7, "order:2")
        )
        desk.pile.waiting += first
        opened.sequencer.turn()
        desk.pile.waiting += squatting
        opened.sequencer.turn()
        assert opened.sequencer.alarms == 1
        publish(opened)
    (found,) = desk.told("EventIdReused")
    assert (found["producerId"], found["seq"], found["eventId"]) == ("console", 2, event_id)
    kept = [path.read_bytes() for path in (desk.audit / "rejected").iterdir()]
    assert kept == [squatting[1].envelope]
    assert len([it for it in desk.entries() if it.event_id == event_id]) == 1
    check_whole(desk)


def test_the_same_event_under_another_boot_is_stepped_over(desk: Desk) -> None:
    teller, again = desk.teller(), desk.teller("b2")
    event_id = submission.event_id("s", 1, 0)
    with desk.open() as opened:
        desk.pile.waiting += teller.started() + teller.batch(deed(event_id, "order:1", 1))
        opened.sequencer.turn()
        desk.pile.waiting += again.started(teller) + again.batch(deed(event_id, "order:1", 1))
        desk.pile.waiting += again.many(3)
        opened.sequencer.turn()
        assert opened.sequencer.alarms == 0
        assert opened.sequencer.memory.held("runtime", "b2") == 5
        publish(opened)
    assert len(desk.told("EventRepeated")) == 1
    with desk.open() as opened:
        assert opened.sequencer.memory.held("runtime", "b2") == 5
        desk.pile.waiting += again.many(3)
        opened.sequencer.turn()
        publish(opened)
    check_whole(desk)


def test_a_batch_waits_for_its_signature_and_its_turn(desk: Desk) -> None:
    teller = desk.teller()
    first, second = teller.many(10), teller.many(10)
    with desk.open() as opened:
        opened.sequencer.turn()
        desk.pile.waiting += second + first[:-1]
        assert opened.sequencer.turn() == 0
        assert opened.sequencer.waiting == 19
        assert desk.pile.committed == []
        desk.pile.waiting += first[-1:]
        assert opened.sequencer.turn() == 20
        assert len(desk.pile.committed) == 20
    assert [it.producer.seq for it in desk.entries() if it.producer.id == "runtime"] == list(
        range(1, 21)
    )


def test_a_gap_is_alarmed_after_its_time_and_mended_by_sending_again(desk: Desk) -> None:
    teller = desk.teller()
    first, second = teller.started(), teller.many(10)
    with desk.open() as opened:
        opened.sequencer.turn()
        desk.pile.waiting += second
        assert opened.sequencer.turn() == 0
        desk.hands.advance(11)
        assert opened.sequencer.turn() == 1
        assert opened.sequencer.alarms == 1
        assert len(desk.pile.committed) == 10
        # Sent again without the missing one: it is known, and no news.
        desk.pile.waiting += second
        opened.sequencer.turn()
        desk.hands.advance(11)
        assert opened.sequencer.turn() == 0
        desk.pile.waiting += first + second
        assert opened.sequencer.turn() == 11
        publish(opened)
    (found,) = desk.told("SequenceBroken")
    assert (found["expectedSeq"], found["foundSeq"], found["count"]) == (1, 2, 10)
    assert len(list((desk.audit / "rejected").iterdir())) == 10
    check_whole(desk)


def test_a_wrong_signature_is_alarmed_and_nothing_behind_it_is_taken(desk: Desk) -> None:
    teller = desk.teller()
    good = teller.started()
    teller.key, key = SigningKey.generate("desk.example/other"), teller.key
    forged = teller.many(4)
    teller.key = key
    with desk.open() as opened:
        desk.pile.waiting += good + forged + teller.many(3)
        opened.sequencer.turn()
        assert opened.sequencer.memory.held("runtime", "b1") == 1
        publish(opened)
    (found,) = desk.told("SignatureWrong")
    assert (found["seq"], found["count"]) == (5, 7)
    check_whole(desk)


def test_a_producer_without_a_key_is_not_believed(desk: Desk) -> None:
    teller = desk.teller()
    teller.chain = type(teller.chain)("stranger", "x1")
    with desk.open() as opened:
        desk.pile.waiting += teller.many(2)
        opened.sequencer.turn()
    (found,) = desk.told("SignatureWrong")
    assert found["producerId"] == "stranger"


def test_nobody_speaks_for_the_log(desk: Desk) -> None:
    teller = desk.teller()
    teller.chain = type(teller.chain)("log", "x1")
    with desk.open() as opened:
        desk.pile.waiting += teller.many(1)
        opened.sequencer.turn()
    assert [it["reason"] for it in desk.told("SubmissionUnreadable")] == ["producer"]


@pytest.mark.parametrize("junk", [b"", b"\x01", b"{}", b"\xff" * 70_000])
def test_what_cannot_be_read_is_kept_and_told_once(desk: Desk, junk: bytes) -> None:
    envelope = submission.envelope(junk) if junk else b""
    with desk.open() as opened:
        for _ in range(2):
            desk.pile.waiting.append(Delivery(envelope, "token", "runtime", "b1", 1))
            opened.sequencer.turn()
        assert opened.sequencer.alarms == 1
        assert desk.pile.committed == ["token", "token"]
    assert [path.read_bytes() for path in (desk.audit / "rejected").iterdir()] == [envelope]


def test_another_submission_under_a_number_is_an_alarm(desk: Desk) -> None:
    teller, twin = desk.teller(), desk.teller()
    first = teller.started() + teller.batch(teller.deed(1))
    twin.started()
    other = twin.batch(twin.deed(9, operation="place"))
    with desk.open() as opened:
        desk.pile.waiting += first
        opened.sequencer.turn()
        desk.pile.waiting += other
        opened.sequencer.turn()
        publish(opened)
    assert [it["seq"] for it in desk.told("SequenceReused")] == [2]
    check_whole(desk)


def test_what_a_stream_finds_broken_is_told(desk: Desk) -> None:
    with desk.open() as opened:
        desk.pile.broken.append(Damage("runtime", "b1", "damaged", "segment 3 at byte 17"))
        opened.sequencer.turn()
    assert [it["detail"] for it in desk.told("StreamDamaged")] == ["segment 3 at byte 17"]


def test_a_large_value_is_kept_by_its_hash(desk: Desk) -> None:
    teller = desk.teller()
    large = {"book": ["x" * 100] * 1000}
    told, blobs = submission.shorten(teller.deed(1, after_state=large))
    with desk.open() as opened:
        (bare,) = teller.batch(told)
        raw, _ = submission.open_envelope(bare.envelope)
        desk.pile.waiting += [bare, delivered(raw, "runtime", "b1", 1, blobs)]
        assert (
            opened.sequencer.turn() == 4
        )  # LogOpened, TrustDeclared, it, and the bare one's alarm
        publish(opened)
    state = desk.entries()[2].after_state
    assert state == submission.reference(blobs[0])
    path = layout.blob_path(layout.log_folder(desk.audit), str(state["$sha256"]))
    assert path.read_bytes() == blobs[0]
    assert [it["reason"] for it in desk.told("SubmissionUnreadable")] == ["blob"]


def test_a_stream_that_is_down_hears_of_it_later(desk: Desk) -> None:
    teller = desk.teller()
    with desk.open() as opened:
        desk.pile.waiting += teller.many(3)
        opened.sequencer.turn()
        desk.pile.down = True
        opened.sequencer.checkpoint()
        assert opened.sequencer.turn() == 0
        assert opened.sequencer.streams_down == 1
        while opened.sequencer.checkpoints.asking:
            opened.sequencer.checkpoint()
        assert not desk.pile.receipts
        desk.pile.down = False
        publish(opened)
        while not desk.pile.receipts:
            opened.sequencer.checkpoint()


def test_an_unreachable_witness_stops_receipts_and_nothing_else(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    teller = desk.teller()
    desk.pile.waiting += teller.started()
    with desk.open() as opened:
        for _ in range(3):
            desk.pile.waiting += teller.many(5)
            opened.sequencer.turn()
            opened.sequencer.checkpoint()
            desk.hands.advance(40)
        assert opened.sequencer.memory.tree.size == 18
        assert opened.sequencer.checkpoints.size == 0
        assert not desk.pile.receipts
        assert opened.sequencer.lag_ns(desk.hands.stamp.at) >= 120 * 10**9
    with desk.witnessed(), desk.open() as opened:
        opened.sequencer.turn()
        publish(opened)
        assert receipt.read(desk.pile.receipts["runtime", "b1"]).extra is not None
    check_whole(desk)


def test_each_period_has_a_digest_also_when_nothing_happened(desk: Desk) -> None:
    teller = desk.teller()
    with desk.open() as opened:
        desk.pile.waiting += teller.started() + teller.many(50)
        opened.sequencer.turn()
        desk.hands.advance(3600)
        desk.pile.waiting += teller.many(9)
        opened.sequencer.turn()
        publish(opened)
    desk.hands.advance(2 * 3600)
    with desk.open() as opened:
        opened.sequencer.turn()
        publish(opened)
    trusted = believed(desk.audit)[0].trust
    log = layout.log_folder(desk.audit)
    found = [
        digest.open_digest(layout.digest_path(log, number).read_bytes(), trusted)
        for number in layout.digest_numbers(log)
    ]
    assert [(it.tree_size_from, it.tree_size_to) for it in found] == [(0, 53), (53, 62), (62, 62)]
    assert [it.heads.count for it in found] == [9, 7, 0]
    assert found[0].checkpoint is not None
    assert [run.last_seq for run in found[1].producers] == [60]
    now = str(int(desk.hands.stamp.wall // 10**9))
    done = subprocess.run(
        [sys.executable, VERIFIER, desk.audit, "--now", now],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "integrity: ok" in done.stdout, done.stdout
    assert "completeness: ok" in done.stdout, done.stdout


def test_silence_is_told_each_minute(desk: Desk) -> None:
    with desk.open() as opened:
        opened.sequencer.turn()
        desk.hands.advance(59)
        assert opened.sequencer.turn() == 0
        desk.hands.advance(2)
        assert opened.sequencer.turn() == 1
    assert desk.entries()[-1].event_type == "ProducerAlive"


def test_the_end_of_a_boot_is_told_and_witnessed(desk: Desk) -> None:
    with desk.open() as opened:
        opened.sequencer.turn()
        opened.sequencer.close()
        assert opened.sequencer.checkpoints.size == 3
    assert desk.entries()[-1].event_type == "ProducerStopped"
    check_whole(desk)
