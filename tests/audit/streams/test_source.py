"""What every stream does for the log, over its real server."""

from contextlib import closing

import pytest

from tests.audit.streams.rig import (
    LittleLog,
    Rig,
    deed,
    deeds,
    eventually,
    open_log,
    until_sent,
)
from trading_runtime.clock import wall_ns
from trading_runtime.evidence.submission import open_envelope


def test_all_that_was_appended_arrives_once_and_in_the_order_of_its_boot(rig: Rig) -> None:
    taken = LittleLog()
    log = open_log(rig)
    with closing(rig.source(taken.place)) as source:
        log.append(deeds(500))
        until_sent(log)
        log.stop()
        eventually(lambda: taken.take(source) >= 0 and len(taken.taken) == 502)
        assert source.damages() == []
    assert taken.numbers() == list(range(500))
    assert [taken.taken[place].event_type for place in (0, -1)] == [
        "ProducerStarted",
        "ProducerStopped",
    ]


def test_producers_do_not_disturb_one_another(rig: Rig) -> None:
    taken = LittleLog()
    logs = [open_log(rig, producer_id) for producer_id in ("console", "opskit", "a/b.c d")]
    with closing(rig.source(taken.place)) as source:
        for _ in range(5):
            for log in logs:
                log.append(deeds(30))
                log.turn(wall_ns())
                taken.take(source)
        for log in logs:
            until_sent(log)
            log.close()
        eventually(lambda: taken.take(source) >= 0 and len(taken.taken) == 3 * 151)
        assert source.damages() == []


def test_what_was_not_committed_comes_again_to_the_next_source(rig: Rig) -> None:
    taken = LittleLog()
    log = open_log(rig)
    log.append(deeds(50))
    until_sent(log)
    seen = 0
    with closing(rig.source(taken.place)) as source:

        def look() -> bool:
            nonlocal seen
            seen += taken.take(source, commit=False)
            return seen == 51

        eventually(look)
    with closing(rig.source(taken.place)) as source:
        eventually(lambda: taken.take(source) >= 0 and len(taken.taken) == 51)
    log.close()


def test_what_was_committed_is_not_given_to_the_next_source(rig: Rig) -> None:
    taken = LittleLog()
    log = open_log(rig)
    log.append(deeds(50))
    until_sent(log)
    with closing(rig.source(taken.place)) as source:
        eventually(lambda: taken.take(source) >= 0 and len(taken.taken) == 51)
    log.append(deeds(1))
    until_sent(log)
    with closing(rig.source(taken.place)) as source:
        eventually(lambda: taken.take(source) >= 0 and len(taken.taken) == 52)
    assert taken.again == 0
    log.close()


def test_what_is_sent_again_is_the_same_submission_to_the_log(rig: Rig) -> None:
    taken = LittleLog()
    log = open_log(rig)
    log.append(deeds(50))
    with closing(rig.source(taken.place)) as source:
        until_sent(log)
        log.sending.resend()
        until_sent(log)
        eventually(lambda: taken.take(source) >= 0 and len(taken.taken) == 51)
        log.sending.resend()
        until_sent(log)
        log.append([deed(number=50)])
        until_sent(log)
        eventually(lambda: taken.take(source) >= 0 and len(taken.taken) == 52)
        assert source.damages() == []
    assert taken.numbers() == list(range(51))
    log.close()


def test_a_large_value_travels_beside_its_submission(rig: Rig) -> None:
    taken = LittleLog()
    log = open_log(rig)
    log.append([deed(text="x" * 300_000)])
    until_sent(log)
    with closing(rig.source(taken.place)) as source:
        found = []

        def look() -> bool:
            found.extend(source.poll(10))
            return len(found) == 2

        eventually(look)
    assert [len(blob) for blob in open_envelope(found[1].envelope)[1]] == [300_011]
    log.close()


def test_the_newest_receipt_reaches_its_producer(rig: Rig) -> None:
    other = open_log(rig)
    other.append(deeds(1))
    until_sent(other)
    publisher = other.sending._publisher  # noqa: SLF001 -- receipts come to who has published
    with closing(rig.source(LittleLog().place)) as source:
        assert publisher.receipts() == []
        source.receipt("console", other.boot, b"first")
        source.receipt("console", other.boot, b"second")
        source.receipt("somebody else", other.boot, b"third")
        eventually(lambda: [found.text for found in publisher.receipts()] == [b"second"])
        assert [found.boot for found in publisher.receipts()] == [other.boot]
    other.close()


def test_a_server_that_dies_in_the_middle_loses_nothing(rig: Rig) -> None:
    taken = LittleLog()
    log = open_log(rig)
    source = rig.source(taken.place)
    log.append(deeds(300))
    log.turn(wall_ns())
    taken.take(source)
    rig.kill()
    log.append([deed(number=300 + number) for number in range(300)])
    eventually(lambda: log.turn(wall_ns()) == 0 and log.sending.down != "")
    rig.start()
    until_sent(log)
    if not rig.keeps:
        # What the broker had is gone; the producer sends again what has no receipt.
        log.sending.resend()
        until_sent(log)
    eventually(lambda: taken.take(source) >= 0 and len(taken.taken) == 601)
    assert taken.numbers() == list(range(600))
    source.close()
    log.close()


def test_a_server_that_is_not_there_yet_keeps_nobody_from_appending(rig: Rig) -> None:
    taken = LittleLog()
    rig.kill()
    log = open_log(rig)
    source = rig.source(taken.place)
    log.append(deeds(10))
    log.turn(wall_ns())
    assert log.sending.down
    assert taken.take(source) == 0
    rig.start()
    until_sent(log)
    eventually(lambda: taken.take(source) >= 0 and len(taken.taken) == 11)
    source.close()
    log.close()


def test_what_a_killed_run_left_is_sent_by_the_next(rig: Rig) -> None:
    taken = LittleLog()
    first = open_log(rig)
    first.append(deeds(10))
    first.close()
    second = open_log(rig)
    second.append([deed(number=10)])
    until_sent(second)
    with closing(rig.source(taken.place)) as source:
        eventually(lambda: taken.take(source) >= 0 and len(taken.taken) == 13)
    assert sorted(taken.numbers()) == list(range(11))
    started = [found for found in taken.taken if found.event_type == "ProducerStarted"]
    assert started[-1].request_data is not None
    assert (started[-1].request_data["previousBoot"], started[-1].request_data["previousSeq"]) == (
        first.boot,
        11,
    )
    second.close()


def test_a_submission_that_does_not_read_is_given_to_the_log(rig: Rig) -> None:
    publisher = rig.publisher("console")
    if publisher.passive:
        pytest.skip("nobody else writes to a producer's own log")
    from trading_runtime.audit.streams.source import Parcel  # noqa: PLC0415

    publisher.publish([Parcel("console", "boot", 1, "user:ann", b"rubbish")])
    with closing(rig.source(LittleLog().place)) as source:
        found = []

        def look() -> bool:
            found.extend(source.poll(10))
            return len(found) == 1

        eventually(look)
        source.commit([found[0].token])
    assert found[0].envelope == b"rubbish"
    publisher.close()
