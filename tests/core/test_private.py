"""Private connections reach the engine by what they tell, and a checkpoint carries what is kept."""

import pytest

from tests.core.desk_inputs import instrument
from tests.core.venues.binance.private_codec import (
    EVENT_NS,
    ORDER,
    Json,
    execution,
    packed,
    socket_answer,
    update,
)
from trading_runtime.account.reports import (
    Barred,
    BarredTold,
    LimitsTold,
    StreamEnded,
)
from trading_runtime.core.private import PrivateIntake
from trading_runtime.errors import Halt
from trading_runtime.oms.reports import Accepted, OpenOrders, Unanswered
from trading_runtime.records.carried import ConnectionCarried
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_market import FrameQuarantined
from trading_runtime.records.inputs import (
    AnswerReceived,
    ConnectionOpened,
    FrameReceived,
    Purpose,
)
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import ClientId, Connection, Nanos, Seq

ORDERS, USER, MARKET = Connection(2), Connection(3), Connection(4)
SEQ = Seq(9)
SPOT_SCALES = Scales(instrument("binance-spot", "BTCUSDT", "0.01", "0.00001", 1))
USDM_SCALES = Scales(instrument("binance-usdm", "BTCUSDT", "0.10", "0.001", 2))
LIMITS: list[Json] = [
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 50, "count": 1}
]
PLACED: Json = {"orderId": 28, "transactTime": 1, "status": "NEW", "symbol": "BTCUSDT"}


def opened(
    connection: Connection, purpose: Purpose, venue: str = "binance-usdm"
) -> ConnectionOpened:
    return ConnectionOpened(connection=connection, venue=venue, purpose=purpose, channels=())


def frame(connection: Connection, data: bytes) -> FrameReceived:
    return FrameReceived(connection=connection, frame=data)


def answer(
    request: str, body: Json, status: int = 200, headers: tuple[tuple[str, str], ...] = ()
) -> AnswerReceived:
    return AnswerReceived(request=request, status=status, headers=headers, body=packed(body))


def usdm() -> PrivateIntake:
    intake = PrivateIntake()
    intake.revise([USDM_SCALES])
    intake.on_opened(opened(ORDERS, Purpose.ORDERS))
    intake.on_opened(opened(USER, Purpose.USER))
    intake.on_opened(opened(MARKET, Purpose.MARKET))
    return intake


def test_frames_of_private_connections_are_told() -> None:
    intake, out = usdm(), list[Output]()
    assert list(intake.lines) == [ORDERS, USER]
    accepted = Accepted(ClientId(ORDER), "8886774", Nanos(EVENT_NS))
    assert intake.on_frame(SEQ, frame(USER, update()), out) == [accepted]
    assert not out


def test_an_unreadable_frame_is_quarantined_and_ends_the_stream() -> None:
    intake, out = usdm(), list[Output]()
    told = intake.on_frame(SEQ, frame(USER, update()[:-9]), out)
    assert told == [StreamEnded("binance-usdm", "unreadable")]
    (quarantined,) = out
    assert isinstance(quarantined, FrameQuarantined)
    assert (quarantined.input, quarantined.connection) == (SEQ, USER)
    assert quarantined.reason == "truncated"


def test_an_unreadable_answer_is_quarantined_and_leaves_its_request_open() -> None:
    intake, out = usdm(), list[Output]()
    told = intake.on_answer(SEQ, answer(ORDER, {"orderId": "x"}), out)
    assert told == [Unanswered(ORDER, 0, "unreadable: malformed", known=False)]
    assert isinstance(out[0], FrameQuarantined)


def test_answers_go_to_the_venue_of_their_instrument() -> None:
    intake, out = PrivateIntake(), list[Output]()
    assert intake.on_answer(SEQ, answer("open-1-1", []), out) == []
    intake.revise([SPOT_SCALES, USDM_SCALES])
    for revision, name in ((1, "binance-spot:BTCUSDT"), (2, "binance-usdm:BTCUSDT")):
        request = f"open-{revision}-1"
        told = intake.on_answer(SEQ, answer(request, []), out)
        assert told == [OpenOrders(request, name, ())]


def test_an_answer_without_an_instrument_is_of_the_venue_that_we_trade_on() -> None:
    intake, out = PrivateIntake(), list[Output]()
    intake.revise([SPOT_SCALES, USDM_SCALES])
    banned = answer("account-0-1", {}, 418)
    (told,) = intake.on_answer(SEQ, banned, out)
    assert isinstance(told, BarredTold)
    assert told.venue == "binance-spot"
    intake.on_opened(opened(ORDERS, Purpose.ORDERS))
    (told,) = intake.on_answer(SEQ, banned, out)
    assert isinstance(told, BarredTold)
    assert told.venue == "binance-usdm"


def test_of_a_books_answer_only_the_venues_limits_matter_while_we_trade() -> None:
    intake, out = usdm(), list[Output]()
    refused = answer("depth-2-1", {"code": -1003, "msg": "x"}, 429)
    assert intake.on_answer(SEQ, refused, out) == [
        BarredTold("depth-2-1", "binance-usdm", Barred.TOO_MANY, Nanos(0))
    ]
    assert intake.on_answer(SEQ, answer("depth-2-1", {}, 503), out) == []
    heard = answer("time-binance-usdm-1", {}, 200, (("X-MBX-USED-WEIGHT-1M", "7"),))
    (told,) = intake.on_answer(SEQ, heard, out)
    assert isinstance(told, LimitsTold)
    intake.on_lost(ORDERS)
    intake.on_lost(USER)
    assert intake.on_answer(SEQ, refused, out) == []


def test_a_lost_connection_says_what_it_was_for() -> None:
    intake = usdm()
    assert intake.on_lost(MARKET) is Purpose.MARKET
    assert intake.on_lost(ORDERS) is Purpose.ORDERS
    assert intake.on_lost(ORDERS) is None
    assert list(intake.lines) == [USER]


def test_a_private_connection_of_an_unknown_venue_halts() -> None:
    with pytest.raises(Halt):
        PrivateIntake().on_opened(opened(ORDERS, Purpose.ORDERS, "nowhere-spot"))


def test_what_is_kept_is_carried_and_restored() -> None:
    first, out = PrivateIntake(), list[Output]()
    first.revise([SPOT_SCALES])
    first.on_opened(opened(ORDERS, Purpose.ORDERS, "binance-spot"))
    placed = frame(ORDERS, socket_answer(ORDER, PLACED, LIMITS))
    assert len(first.on_frame(SEQ, placed, out)) == 2
    second = PrivateIntake()
    connection = ConnectionCarried(
        connection=ORDERS, venue="binance-spot", purpose="orders", channels=()
    )
    second.restore([connection], first.carry())
    second.revise([SPOT_SCALES])
    for intake in (first, second):
        assert len(intake.on_frame(SEQ, placed, out)) == 1
        assert len(intake.on_frame(SEQ, frame(ORDERS, execution()), out)) == 1
    assert first.carry() == second.carry()
