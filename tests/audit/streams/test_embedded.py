"""Reading producers' own logs: damage is told, and is nobody else's."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from tests.audit.streams.rig import EmbeddedRig, LittleLog, deed, deeds, eventually, open_log
from trading_runtime.audit.client.log import LogSettings
from trading_runtime.audit.streams import wal

SMALL = LogSettings(segment_bytes=4096)


@pytest.fixture
def rig(tmp_path: Path) -> EmbeddedRig:
    return EmbeddedRig(tmp_path)


def segments(rig: EmbeddedRig, producer_id: str = "console") -> list[Path]:
    return sorted((rig.root / producer_id).rglob("*.wal"))


def test_segments_follow_one_another(rig: EmbeddedRig) -> None:
    taken = LittleLog()
    log = open_log(rig, settings=SMALL)
    with closing(rig.source(taken.place)) as source:
        for number in range(40):
            log.append([deed(number=number)] * 1)
            taken.take(source)
        eventually(lambda: taken.take(source) >= 0 and len(taken.taken) == 41)
        assert len(segments(rig)) > 3
        assert source.damages() == []
    assert taken.numbers() == list(range(40))
    log.close()


def test_a_torn_tail_waits_and_is_no_alarm(rig: EmbeddedRig) -> None:
    taken = LittleLog()
    log = open_log(rig)
    log.append(deeds(3))
    path = segments(rig)[0]
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    with closing(rig.source(taken.place)) as source:
        taken.take(source)
        assert (len(taken.taken), source.damages()) == (3, [])
        path.write_bytes(whole)
        taken.take(source)
        assert (len(taken.taken), source.damages()) == (4, [])
    log.close()


@pytest.mark.parametrize("how", ["flipped", "removed", "first segment gone", "middle gone"])
def test_damage_is_told_once_and_stops_its_boot_alone(rig: EmbeddedRig, how: str) -> None:
    taken = LittleLog()
    log, other = open_log(rig, settings=SMALL), open_log(rig, "opskit")
    for number in range(30):
        log.append([deed(number=number)])
    other.append(deeds(5))
    path = segments(rig)[0]
    data = path.read_bytes()
    header, start = wal.read_header(data)
    frames = wal.scan(data, start, header.first).frames
    match how:
        case "flipped":
            path.write_bytes(data[: start + 40] + b"#" + data[start + 41 :])
        case "removed":
            size = wal.FRAME_HEAD + len(frames[0].envelope)
            path.write_bytes(data[:start] + data[start + size :])
        case "first segment gone":
            path.unlink()
        case _:
            segments(rig)[1].unlink()
    with closing(rig.source(taken.place)) as source:
        for _ in range(5):
            taken.take(source)
        found = source.damages()
        assert [(one.producer_id, one.boot) for one in found] == [("console", log.boot)]
        assert found[0].reason in {"damaged", "missing"}
        taken.take(source)
        assert source.damages() == []
        assert len([one for one in taken.taken if one.producer.id == "opskit"]) == 6
    log.close()
    other.close()


def test_a_damaged_boot_does_not_keep_up_the_next(rig: EmbeddedRig) -> None:
    taken = LittleLog()
    first = open_log(rig, settings=SMALL)
    for number in range(30):
        first.append([deed(number=number)])
    first.close()
    second = open_log(rig)
    segments(rig)[1].unlink()
    with closing(rig.source(taken.place)) as source:
        eventually(lambda: taken.take(source) >= 0 and taken.place("console", second.boot) == 1)
        assert len(source.damages()) == 1
    second.close()


def test_a_segment_of_somebody_else_is_misplaced(rig: EmbeddedRig) -> None:
    log = open_log(rig)
    log.append(deeds(3))
    foreign = rig.root / "opskit" / "boot"
    foreign.mkdir(parents=True)
    (foreign / "000001.wal").write_bytes(segments(rig)[0].read_bytes())
    with closing(rig.source(LittleLog().place)) as source:
        source.poll(100)
        assert [(one.producer_id, one.reason) for one in source.damages()] == [
            ("opskit", "misplaced")
        ]
    log.close()


def test_no_link_and_no_pipe_is_followed(rig: EmbeddedRig) -> None:
    log = open_log(rig)
    folder = rig.root / "opskit" / "boot"
    folder.mkdir(parents=True)
    (folder / "000001.wal").symlink_to(segments(rig)[0])
    (rig.root / "linked").symlink_to(rig.root / "console")
    os.mkfifo(rig.root / "console" / log.boot / "000002.wal")
    with closing(rig.source(LittleLog().place)) as source:
        found = source.poll(100)
        found += source.poll(100)
        assert found == []
        reasons = {(one.producer_id, one.reason) for one in source.damages()}
        assert reasons == {("opskit", "unreadable"), ("console", "misplaced")}
    log.close()


def test_a_log_behind_its_producer_goes_on_where_it_was(rig: EmbeddedRig) -> None:
    taken = LittleLog()
    log = open_log(rig, settings=SMALL)
    with closing(rig.source(taken.place)) as source:
        for number in range(20):
            log.append([deed(number=number)])
        eventually(lambda: taken.take(source) >= 0 and len(taken.taken) == 21)
    log.append([deed(number=20)])
    with closing(rig.source(taken.place)) as source:
        assert taken.take(source) == 1
    log.close()


def test_a_receipt_for_a_boot_that_is_gone_is_not_kept(rig: EmbeddedRig, tmp_path: Path) -> None:
    with closing(rig.source(LittleLog().place)) as source:
        source.receipt("console", "gone", b"text")
    assert list(tmp_path.rglob("*.receipt")) == []
