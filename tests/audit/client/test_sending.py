"""Bringing a producer's log to a stream: what is sent when, and what is sent again."""

from collections.abc import Sequence
from pathlib import Path

from tests.audit.client.rig import ReceiptLog
from tests.audit.streams.rig import deeds, key_of
from trading_runtime.audit.client.believing import TrustFolder
from trading_runtime.audit.client.log import LogSettings, Producer, ProducerLog
from trading_runtime.audit.client.sending import RESEND_AFTER_NS
from trading_runtime.audit.streams.source import Parcel, Receipt, StreamDown
from trading_runtime.clock import wall_ns
from trading_runtime.evidence.submission import open_envelope
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

SECOND = NANOS_PER_SECOND


class Listed:
    """A stream that is a list, up or down."""

    passive = False

    def __init__(self) -> None:
        self.parcels: list[Parcel] = []
        self.found: list[Receipt] = []
        self.up = True

    def publish(self, parcels: Sequence[Parcel]) -> None:
        if not self.up:
            raise StreamDown("it is down")
        self.parcels += parcels

    def receipts(self) -> list[Receipt]:
        return self.found

    def close(self) -> None: ...

    def seqs(self) -> list[int]:
        return [parcel.seq for parcel in self.parcels]


def opened(root: Path, stream: Listed, trust: Path) -> ProducerLog:
    producer = Producer("console", "console", key_of("console"))
    return ProducerLog.open(
        root / "wal", producer, stream, TrustFolder(trust), LogSettings(heartbeat_ns=Nanos(2**62))
    )


def test_each_submission_is_sent_once_while_the_stream_takes_it(tmp_path: Path) -> None:
    stream = Listed()
    log = opened(tmp_path, stream, tmp_path)
    now = wall_ns()
    for step in range(1, 6):
        log.append(deeds(10))
        assert log.turn(Nanos(now + step * SECOND)) == 10 + (step == 1)
    assert stream.seqs() == list(range(1, 52))
    assert {parcel.entity_id for parcel in stream.parcels[1:]} == {f"user:{n}" for n in range(7)}
    log.close()


def test_what_a_stream_that_is_down_did_not_take_is_sent_later(tmp_path: Path) -> None:
    stream = Listed()
    log = opened(tmp_path, stream, tmp_path)
    stream.up = False
    log.append(deeds(10))
    assert log.turn(wall_ns()) == 0
    assert log.sending.down == "it is down"
    stream.up = True
    assert log.turn(wall_ns()) == 11
    assert log.sending.down == ""
    log.close()


def test_what_gets_no_receipt_is_sent_again_ever_more_seldom(tmp_path: Path) -> None:
    proving = ReceiptLog(tmp_path / "trust")
    stream = Listed()
    log = opened(tmp_path, stream, proving.folder)
    now = wall_ns()
    log.turn(now)
    log.append(deeds(10))
    sent_at = [second for second in range(1, 500) if log.turn(Nanos(now + second * SECOND))]
    wait = RESEND_AFTER_NS // SECOND
    assert [sent_at[0], len(sent_at)] == [1, 4]
    assert sent_at[2] - sent_at[1] >= 2 * wait
    assert sent_at[3] - sent_at[2] >= 4 * wait
    for parcel in stream.parcels[:11]:
        proving.take(open_envelope(parcel.envelope)[0])
    stream.found = [Receipt(log.boot, proving.receipt())]
    stream.parcels.clear()
    for second in range(500, 5000):
        log.turn(Nanos(now + second * SECOND))
    assert stream.parcels == []
    log.close()


def test_what_receipts_cover_is_not_sent_again(tmp_path: Path) -> None:
    proving = ReceiptLog(tmp_path / "trust")
    stream = Listed()
    log = opened(tmp_path, stream, proving.folder)
    log.append(deeds(10))
    now = wall_ns()
    log.turn(now)
    for parcel in stream.parcels[:6]:
        proving.take(open_envelope(parcel.envelope)[0])
    stream.found = [Receipt(log.boot, proving.receipt())]
    log.turn(Nanos(now + SECOND))
    stream.parcels.clear()
    log.sending.resend()
    log.turn(Nanos(now + 2 * SECOND))
    assert stream.seqs() == [7, 8, 9, 10, 11]
    log.close()


def test_damage_in_one_boot_does_not_keep_the_next_from_being_sent(tmp_path: Path) -> None:
    stream = Listed()
    first = opened(tmp_path, stream, tmp_path)
    first.append(deeds(3))
    first.append(deeds(3))
    first.close()
    path = tmp_path / "wal" / "console" / first.boot / "000001.wal"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    second = opened(tmp_path, stream, tmp_path)
    second.append(deeds(1))
    second.turn(wall_ns())
    assert list(second.sending.damage) == [first.boot]
    assert {parcel.boot for parcel in stream.parcels} == {second.boot}
    second.close()
