"""From a producer through each stream into the real log, and its receipts back."""

from collections.abc import Callable
from pathlib import Path

from tests.audit.sequencer.rig import Desk
from tests.audit.streams.rig import Rig, deed, deeds, eventually
from trading_runtime.audit.client.believing import TrustFolder
from trading_runtime.audit.client.log import LogSettings, Producer, ProducerLog
from trading_runtime.audit.keys import key_path, producer_name, read_key
from trading_runtime.audit.sequencer.opening import Opened
from trading_runtime.audit.streams.source import Place, Source
from trading_runtime.clock import wall_ns


class StreamedDesk(Desk):
    """A log whose submissions come over a stream."""

    def __init__(self, data: Path, rig: Rig) -> None:
        super().__init__(data)
        self._rig = rig

    def _sources(self, place: Place) -> list[Source]:  # type: ignore[override]  # any will do
        return [self._rig.source(place)]

    def producer(self) -> ProducerLog:
        key = read_key(key_path(self.audit, producer_name("console")))
        return ProducerLog.open(
            self._rig.root,
            Producer("console", "console", key),
            self._rig.publisher("console"),
            TrustFolder(self.audit / "trust"),
            LogSettings(segment_bytes=4096),
        )


def turning(desk: StreamedDesk, opened: Opened, log: ProducerLog) -> Callable[[], None]:
    def turn() -> None:
        log.turn(wall_ns())
        desk.hands.advance(0.01)
        opened.sequencer.turn()
        opened.sequencer.checkpoint()

    return turn


def test_what_a_producer_appended_is_in_the_log_and_let_go_of(rig: Rig, tmp_path: Path) -> None:
    desk = StreamedDesk(tmp_path / "desk", rig)
    log = desk.producer()
    segments = rig.root / "console" / log.boot
    with desk.witnessed():
        with desk.open() as opened:
            turn = turning(desk, opened, log)
            for first in (0, 100):
                log.append(deeds(100))
                log.append([deed(number=first)])

                def is_let_go() -> bool:
                    turn()
                    return len(list(segments.glob("*.wal"))) == 1

                eventually(is_let_go)
                assert log.sending.refused == ""
        log.append([deed(number=300)])
        log.stop()
        with desk.open() as opened:
            log = desk.producer()
            turn = turning(desk, opened, log)

            def is_gone() -> bool:
                turn()
                return not segments.exists()

            eventually(is_gone)
            log.close()
    mine = [one for one in desk.entries() if one.producer.id == "console"]
    # Between two boots a stream of several partitions keeps no order.
    by_boot = sorted((one.producer.boot, one.producer.seq) for one in mine)
    assert [seq for _, seq in by_boot] == [*range(1, 206), 1]
    assert desk.told("StreamDamaged") == desk.told("SequenceBroken") == []
