"""The intake under faults of the feed: what cannot be right goes no further, and books recover."""

import json
from itertools import pairwise

import pytest

from tests.core.desk_inputs import LINE, SETTINGS, Loop, answer, frame, instrument, opened
from trading_runtime.core.intake import FRAME_SHOWN_MAX, IGNORED_MAX, Intake
from trading_runtime.errors import Halt
from trading_runtime.market.events import DepthChanged, TickerChanged, TradePrinted
from trading_runtime.market.signals import COLD
from trading_runtime.records.commands import RequestSnapshot, Resubscribe, SetTimer
from trading_runtime.records.facts_market import (
    BookDesynced,
    BookSynced,
    ChannelResumed,
    ChannelSilent,
    ClockOffsetMoved,
    Desync,
    FrameQuarantined,
    SnapshotRefused,
    TradesMissed,
)
from trading_runtime.records.inputs import (
    AnswerReceived,
    ConnectionLost,
    ConnectionOpened,
    InstrumentRevised,
    Purpose,
    RequestFailed,
    TurnEnded,
)
from trading_runtime.records.units import NANOS_PER_SECOND, Connection, Nanos, Revision

VENUE = "binance-spot"
CHANNELS = ("abusd@depth@100ms", "abusd@bookTicker", "abusd@trade")
SECOND = NANOS_PER_SECOND
START = Nanos(1_700_000_000 * SECOND)


def depth(first: int, last: int, bids: str = "", asks: str = "", millis: int = 1) -> str:
    data = f'{{"e":"depthUpdate","E":{millis},"s":"ABUSD","U":{first},"u":{last}'
    return f'{{"stream":"abusd@depth@100ms","data":{data},"b":[{bids}],"a":[{asks}]}}}}'


def trade(number: int, price: str = "10.0", millis: int = 1, symbol: str = "ABUSD") -> str:
    data = f'{{"e":"trade","E":{millis},"s":"{symbol}","t":{number},"p":"{price}","q":"1","T":1,'
    return f'{{"stream":"{symbol.lower()}@trade","data":{data}"m":true,"M":true}}}}'


def ticker(update: int, bid: str = "10.0", ask: str = "10.1") -> str:
    data = f'{{"u":{update},"s":"ABUSD","b":"{bid}","B":"5","a":"{ask}","A":"5"}}'
    return f'{{"stream":"abusd@bookTicker","data":{data}}}'


SNAPSHOT = b'{"lastUpdateId":10,"bids":[["10.0","5"],["9.9","6"]],"asks":[["10.1","7"]]}'


class Desk(Loop):
    """A loop with one spot market open; each call is a millisecond after the one before."""

    def __init__(self, intake: Intake | None = None) -> None:
        super().__init__(intake)
        self.at = START

    def hear(self, *texts: str | bytes, line: Connection = LINE) -> None:
        for text in texts:
            self.later()
            self.step(self.at, frame(text, line))

    def answer(self, body: bytes = SNAPSHOT, request: str = "depth-1", status: int = 200) -> None:
        self.later()
        self.step(self.at, answer(request, body, status))

    def later(self, span: int = 1_000_000) -> None:
        self.at = Nanos(self.at + span)
        self.until(self.at)


def cold(*channels: str) -> Desk:
    desk = Desk()
    revised = InstrumentRevised(instrument=instrument(VENUE, "ABUSD", "0.1", "0.001"))
    desk.step(desk.at, revised)
    desk.step(desk.at, opened(VENUE, *(channels or CHANNELS)))
    return desk


def synced() -> Desk:
    desk = cold()
    desk.hear(depth(9, 10), depth(11, 11))
    desk.answer()
    assert desk.market.synced
    desk.out.clear()
    desk.events.clear()
    return desk


def test_frames_become_events_of_the_market_they_name() -> None:
    desk = synced()
    desk.hear(depth(12, 13, '["10.0","4.5"]'), ticker(13), trade(5))
    assert [type(event) for event in desk.events] == [DepthChanged, TickerChanged, TradePrinted]
    assert desk.market.book.bid_size() == 4_500
    assert desk.out == [] or desk.said(FrameQuarantined) == []


def test_events_are_those_of_the_last_input_only() -> None:
    desk = synced()
    desk.hear(trade(5))
    assert len(desk.intake.events) == 1
    desk.step(desk.at, TurnEnded())
    assert desk.intake.events == []


def test_deltas_held_back_become_events_when_the_snapshot_joins_them() -> None:
    desk = cold()
    desk.hear(depth(5, 8), depth(9, 12, '["10.0","1"]'), depth(13, 14))
    assert desk.events == []
    desk.answer()
    assert [event.last_id for event in desk.intake.events if isinstance(event, DepthChanged)] == [
        12,
        14,
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "truncated"),
        ("hello", "malformed"),
        (depth(12, 13)[:-9], "truncated"),
        (depth(12, 13).replace("[]", "[[1]]"), "malformed"),
        (depth(12, 13, '["10.05","1"]'), "off_tick"),
        (depth(12, 13, '["10.0","0.0001"]'), "off_lot"),
        (depth(12, 13, '["0.0","1"]'), "zero_price"),
        (depth(12, 13, '["-1.0","1"]'), "not_decimal"),
        (depth(12, 13, '["NaN","1"]'), "not_decimal"),
        (depth(12, 13, '["10.0","-1"]'), "not_decimal"),
        (depth(12, 13, '["1e1","1"]'), "not_decimal"),
        (depth(12, 13, '["99999999999999999.0","1"]'), "too_large"),
        (depth(13, 12), "id_order"),
        (depth(12, 13).replace("ABUSD", "CDUSD"), "unknown_symbol"),
        (depth(12, 13, millis=0), "time_backwards"),
    ],
)
def test_a_depth_frame_that_cannot_be_right_is_quarantined_and_the_book_not_believed(
    text: str, reason: str
) -> None:
    desk = synced()
    desk.hear(text)
    (quarantined,) = desk.said(FrameQuarantined)
    assert isinstance(quarantined, FrameQuarantined)
    assert quarantined.reason == reason
    assert quarantined.frame == text.encode()
    assert desk.intake.quarantined == {reason: 1}
    assert not desk.market.synced
    assert desk.market.reason is Desync.QUARANTINED
    assert len(desk.said(BookDesynced)) == 1
    assert desk.events == []


def test_a_crossing_delta_loses_the_book() -> None:
    desk = synced()
    desk.hear(depth(12, 13, '["10.1","1"]'))
    assert desk.market.reason is Desync.CROSSED
    assert desk.events == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (ticker(20, "10.1", "10.1"), "crossed"),
        (ticker(20).replace('"5"', '"0"'), "zero_size"),
        (trade(20, "0.0"), "zero_price"),
        (trade(20).replace('"q":"1"', '"q":"0"'), "zero_size"),
        (trade(20).replace('"p":"10.0"', '"p":10.0'), "malformed"),
        (trade(20, symbol="CDUSD"), "unknown_symbol"),
        ('{"error":{"code":2,"msg":"Invalid request"},"id":1}', "venue_error"),
        ('{"code":-1121,"msg":"Invalid symbol."}', "venue_error"),
    ],
)
def test_what_is_no_part_of_a_book_is_quarantined_without_losing_it(text: str, reason: str) -> None:
    desk = synced()
    desk.hear(text)
    assert desk.intake.quarantined == {reason: 1}
    assert desk.market.synced
    assert desk.events == []


def test_time_going_backwards_in_one_stream_is_quarantined_not_across_streams() -> None:
    desk = synced()
    desk.hear(trade(5, millis=500), depth(12, 12, millis=400), trade(6, millis=499))
    assert desk.intake.quarantined == {"time_backwards": 1}
    assert desk.market.synced


def test_a_late_or_doubled_delta_is_dropped_without_a_word() -> None:
    desk = synced()
    desk.hear(depth(12, 13, millis=500), depth(12, 13, millis=500), depth(9, 10, millis=5))
    assert desk.intake.quarantined == {}
    assert desk.market.synced
    assert len(desk.events) == 1


def test_a_huge_frame_is_quarantined_unread_and_shown_in_part() -> None:
    desk = synced()
    desk.hear(b"x" * (SETTINGS.frame_bytes_max + 1))
    (quarantined,) = desk.said(FrameQuarantined)
    assert isinstance(quarantined, FrameQuarantined)
    assert quarantined.reason == "too_large"
    assert quarantined.frame == b"x" * FRAME_SHOWN_MAX


def test_acknowledgements_announcements_and_other_streams_are_tolerated_and_counted() -> None:
    desk = synced()
    desk.hear(
        '{"result":null,"id":1}',
        '{"e":"serverShutdown","E":1770123456789}',
        '{"stream":"abusd@kline_1m","data":{"e":"kline","k":{}}}',
        '{"stream":"abusd@kline_1m","data":{"e":"kline","k":{}}}',
        '{"e":"24hrTicker","s":"ABUSD","B":"1"}',
    )
    assert desk.intake.ignored == {
        "answer": 1,
        "serverShutdown": 1,
        "kline_1m": 2,
        "24hrTicker": 1,
    }
    assert desk.intake.quarantined == {}
    assert desk.market.synced


def test_the_names_of_what_is_ignored_are_bounded() -> None:
    desk = synced()
    desk.hear(*(f'{{"e":"event{number}"}}' for number in range(3 * IGNORED_MAX)))
    assert len(desk.intake.ignored) == IGNORED_MAX + 1
    assert desk.intake.ignored["other"] == 2 * IGNORED_MAX


def test_a_stream_name_that_can_be_none_is_malformed() -> None:
    desk = synced()
    desk.hear('{"stream":"' + "x" * 100 + '","data":{}}', b'{"stream":"\xff\xfe@depth","data":{}}')
    assert desk.intake.quarantined == {"malformed": 2}


def test_of_two_depth_streams_of_a_market_only_the_first_is_listened_to() -> None:
    desk = synced()
    desk.hear(depth(12, 13).replace("@100ms", "@1000ms"))
    assert desk.events == []
    assert desk.intake.ignored == {"depth@1000ms": 1}
    desk.hear(depth(12, 13))
    assert len(desk.events) == 1


def test_a_stream_of_another_speed_than_was_asked_for_belongs_to_the_channel() -> None:
    desk = cold()
    desk.hear(depth(9, 10).replace("@100ms", ""), depth(11, 11).replace("@100ms", ""))
    desk.answer()
    assert desk.market.synced
    assert [one.channel for one in desk.intake.carry().channels] == list(CHANNELS)


def test_a_silent_depth_channel_is_asked_for_again_and_its_book_not_believed() -> None:
    desk = synced()
    for second in range(1, 14):
        desk.later(SECOND)
        desk.hear(ticker(100 + second), trade(100 + second))
    (silent,) = desk.said(ChannelSilent)
    assert isinstance(silent, ChannelSilent)
    assert silent.channel == CHANNELS[0]
    assert silent.silent_ns >= SETTINGS.silence_busy_ns
    assert desk.said(Resubscribe) == [Resubscribe(connection=LINE, channel=CHANNELS[0])]
    assert desk.market.reason is Desync.SILENT
    desk.hear(depth(12, 13))
    assert len(desk.said(ChannelResumed)) == 1
    assert len(desk.said(RequestSnapshot)) == 1
    desk.answer(SNAPSHOT.replace(b"10,", b"12,"))
    assert desk.market.synced


def test_a_channel_that_was_acknowledged_and_never_heard_is_found_out() -> None:
    desk = cold()
    desk.hear('{"result":null,"id":1}')
    desk.later(SETTINGS.silence_busy_ns + SECOND)
    silent = [one.channel for one in desk.said(ChannelSilent) if isinstance(one, ChannelSilent)]
    assert silent == list(CHANNELS[:2])


def test_a_lost_connection_loses_the_book_and_a_new_one_brings_it_back() -> None:
    desk = synced()
    desk.step(desk.at, ConnectionLost(connection=LINE, reason="reset"))
    assert desk.market.reason is Desync.CONNECTION_LOST
    assert desk.intake.carry().channels == ()
    desk.hear(depth(12, 13))
    assert desk.intake.quarantined == {"unknown_connection": 1}
    desk.step(desk.at, opened(VENUE, *CHANNELS, connection=Connection(2)))
    desk.later(SECOND)
    desk.hear(depth(14, 15), line=Connection(2))
    assert len(desk.said(RequestSnapshot)) == 1
    desk.answer(SNAPSHOT.replace(b"10,", b"14,"))
    assert desk.market.synced


def test_a_second_connection_takes_over_without_losing_the_book() -> None:
    desk = synced()
    other = Connection(2)
    desk.step(desk.at, opened(VENUE, *CHANNELS, connection=other))
    desk.hear(depth(12, 13))
    desk.hear(depth(12, 13), depth(14, 14), line=other)
    desk.step(desk.at, ConnectionLost(connection=LINE, reason="24 hours are over"))
    desk.hear(depth(15, 15), line=other)
    assert desk.market.synced
    assert desk.market.last_id == 15
    assert desk.said(BookDesynced) == []


def test_a_connection_number_that_is_used_again_is_a_new_connection() -> None:
    desk = synced()
    desk.step(desk.at, opened(VENUE, *CHANNELS))
    assert desk.market.reason is Desync.CONNECTION_LOST


def test_frames_of_other_purposes_are_not_for_the_intake() -> None:
    desk = synced()
    user = ConnectionOpened(
        connection=Connection(9), venue=VENUE, purpose=Purpose.USER, channels=()
    )
    desk.step(desk.at, user)
    desk.hear("anything", line=Connection(9))
    desk.step(desk.at, ConnectionLost(connection=Connection(9), reason="closed"))
    assert desk.intake.quarantined == {}
    assert desk.market.synced


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>", "malformed"),
        (SNAPSHOT[:-5], "truncated"),
        (SNAPSHOT.replace(b"9.9", b"10.0"), "unsorted"),
        (SNAPSHOT.replace(b'"6"', b'"0"'), "zero_size"),
        (SNAPSHOT.replace(b"9.9", b"9.95"), "off_tick"),
        (b" " * (SETTINGS.frame_bytes_max + 1), "too_large"),
    ],
)
def test_an_unreadable_snapshot_is_quarantined_and_asked_for_again(
    body: bytes, reason: str
) -> None:
    desk = cold()
    desk.hear(depth(9, 10), depth(11, 11))
    desk.answer(body, "depth-1-1")
    assert desk.intake.quarantined == {reason: 1}
    assert [
        one.reason for one in desk.said(SnapshotRefused) if isinstance(one, SnapshotRefused)
    ] == [reason]
    desk.later(SECOND)
    assert len(desk.said(RequestSnapshot)) == 2
    desk.answer(request="depth-1-2")
    assert desk.market.synced


def test_a_crossed_snapshot_is_refused() -> None:
    desk = cold()
    desk.hear(depth(9, 10), depth(11, 11))
    desk.answer(SNAPSHOT.replace(b"10.1", b"10.0"))
    assert not desk.market.synced
    assert len(desk.said(SnapshotRefused)) == 1


def test_a_refusal_waits_as_long_as_the_venue_says() -> None:
    desk = cold()
    desk.hear(depth(9, 10))
    headers = (("Content-Type", "text/html"), ("Retry-After", "77"))
    limited = AnswerReceived(request="depth-1-1", status=429, headers=headers, body=b"")
    desk.step(desk.at, limited)
    assert desk.timers["snapshot-1"] == desk.at + 77 * SECOND


def test_a_request_without_an_answer_is_made_again_with_growing_waits() -> None:
    desk = cold()
    desk.hear(depth(9, 10))
    waits = []
    for number in range(1, 6):
        desk.step(desk.at, RequestFailed(request=f"depth-1-{number}", reason="timeout"))
        due = desk.timers["snapshot-1"]
        waits.append(due - desk.at)
        desk.until(due)
        desk.at = due
        assert len(desk.said(RequestSnapshot)) == number + 1
    assert all(2 * earlier == later for earlier, later in pairwise(waits[1:]))


def test_answers_to_others_or_about_what_is_gone_are_left_alone() -> None:
    desk = synced()
    for request in ("order-1", "depth-", "depth-77", "depth-x-1"):
        desk.answer(b"{}", request)
        desk.step(desk.at, RequestFailed(request=request, reason="timeout"))
    assert desk.out == []


def test_a_new_revision_reads_on_its_grid_and_asks_for_the_book() -> None:
    desk = synced()
    market = desk.market
    finer = instrument(VENUE, "ABUSD", "0.01", "0.001", revision=2)
    desk.step(desk.at, InstrumentRevised(instrument=finer))
    assert list(desk.intake.markets) == [2]
    assert desk.market is market
    assert market.reason is Desync.INSTRUMENT_REVISED
    desk.hear(depth(12, 13, '["10.01","1"]'))
    desk.answer(request="depth-1")
    assert not market.synced
    desk.answer(SNAPSHOT.replace(b"10,", b"12,"), "depth-2-2")
    assert market.synced
    assert (market.book.best_bid(), market.book.best_ask()) == (1_001, 1_010)
    assert desk.intake.events[0].revision == Revision(2)


def test_the_same_revision_again_changes_nothing() -> None:
    desk = synced()
    same = instrument(VENUE, "ABUSD", "0.1", "0.001")
    desk.step(desk.at, InstrumentRevised(instrument=same))
    assert desk.out == []
    assert desk.market.synced


def test_an_instrument_may_come_after_its_first_frames() -> None:
    desk = Desk()
    desk.step(desk.at, opened(VENUE, *CHANNELS))
    desk.hear(trade(1))
    assert desk.intake.quarantined == {"unknown_symbol": 1}
    revised = InstrumentRevised(instrument=instrument(VENUE, "ABUSD", "0.1", "0.001"))
    desk.step(desk.at, revised)
    desk.hear(trade(2))
    assert len(desk.events) == 1


def test_a_market_of_a_venue_without_a_codec_stops_everything() -> None:
    desk = Desk()
    with pytest.raises(Halt, match="nowhere"):
        desk.step(desk.at, opened("nowhere-spot"))
    unknown = instrument("nowhere-spot", "AB", "0.1", "0.1")
    with pytest.raises(Halt, match="nowhere"):
        desk.step(desk.at, InstrumentRevised(instrument=unknown))


def test_missed_trades_are_told() -> None:
    desk = synced()
    desk.hear(trade(5), trade(9))
    assert desk.said(TradesMissed) == [TradesMissed(revision=Revision(1), first_id=6, last_id=8)]


def time_answer(sent: Nanos, server_millis: object) -> AnswerReceived:
    body = json.dumps({"serverTime": server_millis}).encode()
    return answer(f"time-{VENUE}-{sent}", body)


def test_a_time_answer_tells_the_venues_clock_half_a_trip_ago() -> None:
    desk = cold()
    sent, back = START, Nanos(START + 40_000_000)
    desk.step(back, time_answer(sent, START // 1_000_000 + 1_270 + 20))
    assert desk.intake.offsets == {VENUE: 1_270_000_000}
    assert desk.said(ClockOffsetMoved) == [
        ClockOffsetMoved(
            venue=VENUE, offset_ns=Nanos(1_270_000_000), round_trip_ns=Nanos(40_000_000)
        )
    ]
    desk.step(back, time_answer(sent, START // 1_000_000 + 1_270 + 20))
    assert len(desk.said(ClockOffsetMoved)) == 1


def test_a_time_answer_that_says_nothing_moves_nothing() -> None:
    desk = cold()
    slow = Nanos(START - 5 * SECOND)
    future = Nanos(START + 5 * SECOND)
    for told in (
        time_answer(slow, 1),
        time_answer(future, 1),
        answer(f"time-nowhere-{START}", b""),
        answer(f"time-{VENUE}-soon", b""),
        answer(f"time-{VENUE}-{START}", b"", status=500),
    ):
        desk.step(START, told)
    assert desk.intake.quarantined == {}
    desk.step(START, time_answer(START, "noon"))
    assert desk.intake.quarantined == {"malformed": 1}
    assert desk.intake.offsets == {}


def test_facts_and_commands_of_a_recovery_come_in_order() -> None:
    desk = synced()
    desk.hear(depth(15, 16))
    assert [type(one) for one in desk.out] == [BookDesynced, SetTimer]
    desk.later(SECOND)
    desk.answer(SNAPSHOT.replace(b"10,", b"15,"))
    kinds = [type(one) for one in desk.out if not isinstance(one, SetTimer)]
    assert kinds == [BookDesynced, RequestSnapshot, BookSynced]


def test_a_new_session_starts_with_the_signals_and_without_the_book() -> None:
    desk = synced()
    desk.hear(depth(12, 13, '["10.0","4.5"]'))
    signals = desk.market.signals.carry()
    markets = desk.intake.carry_cold()
    fresh = Intake(SETTINGS)
    carried = desk.intake.carry()
    carried = carried._replace(connections=(), channels=(), markets=markets)
    fresh.restore(carried)
    market = fresh.markets[desk.market.revision]
    assert not market.synced
    assert market.book.bid_size() == 0
    assert market.signals.carry() == signals
    fresh.go_on(Nanos(desk.at + 10**9))
    assert market.signals.carry() == signals
    fresh.go_on(Nanos(desk.at + 3600 * 10**9))
    assert market.signals.carry() == COLD
