"""A producer's own log: numbers, chain, signatures, recovery, receipts."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.audit.client.rig import ReceiptLog
from tests.audit.streams.rig import EmbeddedRig, LittleLog, deed, deeds, key_of, open_log
from tests.journal.disks import fill, tmpfs
from trading_runtime.audit.client.believing import TrustFolder
from trading_runtime.audit.client.log import Drops, LogSettings, ProducerLog
from trading_runtime.audit.client.segments import NotDurable
from trading_runtime.audit.streams import wal
from trading_runtime.clock import wall_ns
from trading_runtime.errors import Misread, Refused
from trading_runtime.evidence.entry import read_submission, unsigned_of
from trading_runtime.evidence.notes import decode_base64
from trading_runtime.evidence.submission import Chain, Deed
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

SMALL = LogSettings(segment_bytes=4096)
SECOND = NANOS_PER_SECOND


@pytest.fixture
def rig(tmp_path: Path) -> EmbeddedRig:
    return EmbeddedRig(tmp_path)


def segments(rig: EmbeddedRig, boot: str) -> list[Path]:
    return sorted((rig.root / "console" / boot).glob("*.wal"))


def types(log: ProducerLog) -> list[str]:
    return [read_submission(content).event_type for content in log.kept()]


def bad() -> Deed:
    return deed("user:\n")


def check_signatures(kept: Iterator[bytes]) -> int:
    """Check numbers, chain and signatures of all boots; give how many signatures there were."""
    chains: dict[str, Chain] = {}
    signatures = 0
    signature = None
    for content in kept:
        producer = read_submission(content).producer
        chain = chains.setdefault(producer.boot, Chain(producer.id, producer.boot))
        unsigned, signature = unsigned_of(content)
        chain.add(unsigned)
        assert producer.seq == chain.seq
        if signature is not None:
            signatures += 1
            assert key_of(producer.id).vkey.verifies(decode_base64(signature), chain.signed_text())
    assert signature is not None, "the last submission is under no signature"
    return signatures


def test_each_batch_is_numbered_chained_and_signed_at_its_end(rig: EmbeddedRig) -> None:
    log = open_log(rig)
    log.append(deeds(250))
    log.append(deeds(1))
    assert check_signatures(log.kept()) == 1 + 3 + 1
    log.close()


def test_a_boot_says_where_the_one_before_ended(rig: EmbeddedRig) -> None:
    first = open_log(rig)
    first.append(deeds(5))
    first.stop()
    second = open_log(rig)
    assert second.boot > first.boot
    chain = Chain("console", first.boot)
    submissions = [read_submission(content) for content in second.kept()]
    for content in second.kept():
        if read_submission(content).producer.boot == first.boot:
            chain.add(unsigned_of(content)[0])
    told = [found.request_data for found in submissions if found.event_type == "ProducerStarted"]
    assert told == [
        {"previousBoot": None, "previousChain": None, "previousSeq": None},
        {"previousBoot": first.boot, "previousChain": chain.value.hex(), "previousSeq": 7},
    ]
    second.close()


def test_a_second_process_is_refused(rig: EmbeddedRig) -> None:
    with closing(open_log(rig)), pytest.raises(Refused):
        open_log(rig)
    open_log(rig).close()


def test_what_a_crash_tore_off_is_cut_with_its_unsigned_batch(rig: EmbeddedRig) -> None:
    first = open_log(rig)
    first.append(deeds(3))
    first.append(deeds(4))
    first.close()
    path = segments(rig, first.boot)[0]
    path.write_bytes(path.read_bytes()[:-1])
    second = open_log(rig)
    assert check_signatures(second.kept()) == 3
    started = [read_submission(content) for content in second.kept()][-1]
    assert started.request_data is not None
    assert started.request_data["previousSeq"] == 4
    assert "damage" not in started.request_data
    second.close()


@pytest.mark.parametrize("size", [0, 1, 40])
def test_a_boot_that_died_before_its_first_submission_leaves_no_trace(
    rig: EmbeddedRig, size: int
) -> None:
    first = open_log(rig)
    first.close()
    path = segments(rig, first.boot)[0]
    _, start = wal.read_header(path.read_bytes())
    path.write_bytes(path.read_bytes()[: start + size])
    second = open_log(rig)
    started = [read_submission(content) for content in second.kept()][-1]
    assert started.request_data is not None
    assert started.request_data["previousBoot"] is None
    second.close()


def test_damage_is_told_by_the_next_boot_and_kept(rig: EmbeddedRig) -> None:
    first = open_log(rig)
    first.append(deeds(3))
    first.append(deeds(3))
    first.close()
    path = segments(rig, first.boot)[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    second = open_log(rig)
    boot = rig.root / "console" / second.boot / "000001.wal"
    header, start = wal.read_header(boot.read_bytes())
    assert b'"damage":"damaged: ' in wal.scan(boot.read_bytes(), start, header.first).frames[0][1]
    assert path.read_bytes() == bytes(data)
    second.close()


def test_a_boot_sorts_behind_the_last_whatever_the_clock_did(rig: EmbeddedRig) -> None:
    first = open_log(rig)
    first.close()
    future = "29990101T000000000000Z"
    (rig.root / "console" / first.boot).rename(rig.root / "console" / future)
    path = segments(rig, future)[0]
    _, start = wal.read_header(path.read_bytes())
    header = wal.Header(boot=future, chain="0" * 64, first=1, producer="console")
    path.write_bytes(wal.header_bytes(header) + path.read_bytes()[start:])
    second = open_log(rig)
    assert second.boot == "29990101T000000000001Z"
    second.close()


def test_what_the_format_does_not_allow_is_refused_and_takes_nothing(rig: EmbeddedRig) -> None:
    log = open_log(rig)
    for wrong in (bad(), deed(number=2**53), deed(text="\ud800")):
        with pytest.raises(Misread):
            log.append([deed(), wrong])
    log.append([deed()])
    assert types(log) == ["ProducerStarted", "LoginFailed"]
    log.close()


def test_a_state_with_a_producer_of_its_own_does_not_confuse_anything(rig: EmbeddedRig) -> None:
    log = open_log(rig)
    trap = {"producer": None, "requestData": {"producer": None, "requestData": None}}
    tricky = deed()
    wanted = [
        Deed(**{name: getattr(tricky, name) for name in tricky.__struct_fields__} | more)
        for more in (
            {"before_state": trap},
            {"request_data": trap},
            {"after_state": trap, "request_data": trap},
        )
    ]
    log.append(wanted)
    kept = [read_submission(content) for content in log.kept()][1:]
    assert [(found.before_state, found.after_state, found.request_data) for found in kept] == [
        (one.before_state, one.after_state, one.request_data) for one in wanted
    ]
    check_signatures(log.kept())
    log.close()


def test_silence_is_broken_once_a_minute(rig: EmbeddedRig) -> None:
    log = open_log(rig)
    now = wall_ns()
    log.turn(Nanos(now + 59 * SECOND))
    assert types(log) == ["ProducerStarted"]
    log.turn(Nanos(now + 61 * SECOND))
    assert types(log) == ["ProducerStarted", "ProducerAlive"]
    log.close()


def test_drops_are_told(rig: EmbeddedRig) -> None:
    log = open_log(rig)
    log.dropped(Drops(Nanos(SECOND), Nanos(2 * SECOND), 7))
    told = [read_submission(content) for content in log.kept()][-1]
    assert (told.event_type, told.request_data) == (
        "AuditDropped",
        {"count": 7, "from": "1970-01-01T00:00:01.000000Z", "to": "1970-01-01T00:00:02.000000Z"},
    )
    log.close()


def test_a_full_disk_refuses_and_nothing_is_missing_when_there_is_room_again(
    tmp_path: Path,
) -> None:
    with tmpfs(tmp_path) as disk:
        rig = EmbeddedRig(disk)
        taken = LittleLog()
        source = rig.source(taken.place)
        log = open_log(rig, settings=SMALL)
        log.append([deed(number=number) for number in range(10)])
        ballast = disk / "ballast"
        fill(ballast, leave=300)
        with pytest.raises(NotDurable):
            log.append([deed(number=number) for number in range(10, 20)])
        with pytest.raises(NotDurable):
            log.append([deed(number=20)])
        taken.take(source)
        ballast.unlink()
        log.append([deed(number=21)])
        for _ in range(4):
            taken.take(source)
        assert taken.numbers() == list(range(22))
        assert source.damages() == []
        check_signatures(log.kept())
        log.close()
        source.close()


def test_segments_go_when_a_receipt_covers_them_and_not_before(
    rig: EmbeddedRig, tmp_path: Path
) -> None:
    proving = ReceiptLog(tmp_path / "trust")
    log = open_log(rig, believing=TrustFolder(proving.folder), settings=SMALL)
    for number in range(30):
        log.append([deed(number=number)])
    kept = list(log.kept())
    for content in kept:
        proving.take(content)
    before = segments(rig, log.boot)
    now = wall_ns()
    with closing(rig.source(LittleLog().place)) as source:
        source.receipt("console", log.boot, proving.receipt(witnessed=False))
        log.turn(Nanos(now + SECOND))
        assert log.sending.refused.startswith("quorum")
        assert segments(rig, log.boot) == before
        source.receipt("console", log.boot, proving.receipt(15))
        log.turn(Nanos(now + 2 * SECOND))
        left = list(log.kept())
        assert kept[16:] == left[-len(kept[16:]) :]
        assert len(left) < len(kept)
        source.receipt("console", log.boot, proving.receipt())
        log.turn(Nanos(now + 3 * SECOND))
        assert segments(rig, log.boot) == before[-1:]
        assert log.sending.refused == ""
    log.close()
    second = open_log(rig, believing=TrustFolder(proving.folder))
    started = read_submission(list(second.kept())[-1])
    assert started.request_data is not None
    assert started.request_data["previousSeq"] == 31
    second.turn(wall_ns())
    assert segments(rig, log.boot) == []
    second.close()


def test_a_receipt_for_another_submission_deletes_nothing(rig: EmbeddedRig, tmp_path: Path) -> None:
    proving = ReceiptLog(tmp_path / "trust")
    log = open_log(rig, believing=TrustFolder(proving.folder), settings=SMALL)
    for number in range(20):
        log.append([deed(number=number)])
    kept = list(log.kept())
    for content in kept[:-1]:
        proving.take(content)
    forged = kept[-1].replace(b'"number":19', b'"number":18')
    proving.take(forged)
    with closing(rig.source(LittleLog().place)) as source:
        source.receipt("console", log.boot, proving.receipt())
        log.turn(wall_ns())
        assert log.sending.refused.startswith("proof")
        source.receipt("console", log.boot, b"no receipt")
        log.turn(Nanos(wall_ns() + SECOND))
        assert log.sending.refused.startswith("receipt")
    assert list(log.kept()) == kept
    log.close()
