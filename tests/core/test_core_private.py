"""A core on a venue: private inputs move the engine, and a checkpoint goes on to the same bytes."""

import msgspec

from tests.core.desk_inputs import instrument
from tests.core.venues.binance.private_codec import (
    EVENT_NS,
    ORDER,
    execution,
    packed,
    socket_answer,
    socket_error,
)
from tests.core.venues.binance.test_answers import limits, spot_order
from trading_runtime.config import SHIPPED, load_settings
from trading_runtime.core.core import Core
from trading_runtime.records.carried import CoreCarried
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_market import FrameQuarantined
from trading_runtime.records.facts_trading import ForeignOrderSeen
from trading_runtime.records.facts_venue import AccountStreamEnded, RateLimited
from trading_runtime.records.inputs import (
    AnswerReceived,
    ConnectionLost,
    ConnectionOpened,
    FrameReceived,
    Input,
    InstrumentRevised,
    LeaseLost,
    Purpose,
    RequestFailed,
    Stalled,
    StateCarried,
    TurnEnded,
    WatchdogFired,
)
from trading_runtime.records.units import Connection, Nanos, Seq
from trading_runtime.strategy.grid import Grid

INSTRUMENT = instrument("binance-spot", "BTCUSDT", "0.01", "0.00001")
LINE = Connection(5)
NONCE = "abcd1234"
NOTHING = msgspec.Raw(b"\xc0")
EMPTY = CoreCarried(
    seq=Seq(0),
    at=Nanos(0),
    instruments=(),
    connections=(),
    channels=(),
    markets=(),
    trading=(),
    risk=NOTHING,
    paper=NOTHING,
    offsets=(),
)
OPENED = ConnectionOpened(
    connection=LINE, venue="binance-spot", purpose=Purpose.ORDERS, channels=()
)
BEGINNING: list[Input] = [
    StateCarried(core=EMPTY),
    InstrumentRevised(instrument=INSTRUMENT),
    OPENED,
]


def frame(data: bytes) -> FrameReceived:
    return FrameReceived(connection=LINE, frame=data)


def core() -> Core:
    settings = load_settings(SHIPPED)
    made = settings.core(settings.strategy, [INSTRUMENT], trading=True)
    engine = msgspec.structs.replace(made.engine, on_venue=True)
    return Core(msgspec.structs.replace(made, engine=engine), Grid(), NONCE)


class Played:
    """A core, and the number and time of its next input."""

    def __init__(self, made: Core, seq: int = 0) -> None:
        self.core = made
        self.seq = seq

    def play(self, *bodies: Input) -> list[Output]:
        out: list[Output] = []
        for body in bodies:
            self.seq += 1
            out += self.core.step(Seq(self.seq), self.at, body)
        return out

    @property
    def at(self) -> Nanos:
        return Nanos(EVENT_NS + self.seq * 1_000_000)


def begun() -> Played:
    played = Played(core())
    played.play(*BEGINNING)
    return played


def kinds(out: list[Output]) -> set[type[Output]]:
    return {type(each) for each in out}


def test_a_private_frame_reaches_the_engine() -> None:
    assert ForeignOrderSeen in kinds(begun().play(frame(execution(c="somebodys"))))
    barred = socket_error("x-cancel", 429, -1003, "Too many requests")
    assert RateLimited in kinds(begun().play(frame(barred)))


def test_an_unreadable_private_frame_ends_the_accounts_stream() -> None:
    out = begun().play(frame(execution()[:-30]))
    assert {FrameQuarantined, AccountStreamEnded} <= kinds(out)


def test_an_answer_over_http_reaches_the_engine() -> None:
    answer = AnswerReceived(
        request="account-0-1", status=418, headers=(("Retry-After", "9"),), body=packed({})
    )
    assert RateLimited in kinds(begun().play(answer))


def test_a_frame_after_the_loss_of_its_line_is_quarantined() -> None:
    played = begun()
    played.play(ConnectionLost(connection=LINE, reason="reset"))
    (quarantined,) = [
        each for each in played.play(frame(execution())) if isinstance(each, FrameQuarantined)
    ]
    assert quarantined.reason == "unknown_connection"


def test_a_checkpoint_goes_on_to_the_same_outputs() -> None:
    first = begun()
    first.play(frame(socket_answer(ORDER, spot_order(), limits(1, 5))))
    second = Played(core(), first.seq)
    second.core.restore(first.core.checkpoint(first.at))
    later: list[Input] = [
        frame(socket_answer(ORDER, spot_order(), limits(2, 9))),
        frame(socket_answer(ORDER, spot_order(), limits(49, 9))),
        frame(execution(c="somebodys")),
        RequestFailed(request="account-0-1", reason="time-out"),
        RequestFailed(request=ORDER, reason="refused", sent=False),
        TurnEnded(),
        ConnectionLost(connection=LINE, reason="reset"),
        OPENED,
        OPENED,
        Stalled(lag_ns=Nanos(3_000_000_000)),
        frame(execution()[:-30]),
        WatchdogFired(reason="no beat"),
        LeaseLost(reason="no beat"),
        TurnEnded(),
    ]
    for body in later:
        assert first.play(body) == second.play(body), body
    assert first.core.checkpoint(first.at) == second.core.checkpoint(second.at)


def test_a_new_session_carries_nothing_of_lines_that_are_gone() -> None:
    played = begun()
    played.play(frame(socket_answer(ORDER, spot_order(), limits(1, 5))))
    assert played.core.checkpoint(played.at).core.private
    cold = played.core.carry_cold(played.at)
    assert cold.private == cold.connections == ()
