"""What replay runs: one input in, state moved, outputs back.

The same bytes in give the same bytes out: the core reads no clock, draws no random number and does
no I/O. Market inputs go through the intake to the books, private ones to the engine; at the end of
a turn the engine quotes. In the modes that fill on paper, commands go to the paper venue, which is
part of the core, and its frames come back as inputs.
"""

import msgspec

from trading_runtime.core.intake import Intake
from trading_runtime.core.paper import PaperVenue
from trading_runtime.core.private import PrivateIntake
from trading_runtime.core.settings import CoreSettings
from trading_runtime.core.venues.told import Told
from trading_runtime.engine.reducer import Engine
from trading_runtime.market.events import DepthChanged
from trading_runtime.market.instrument import Market
from trading_runtime.oms.reports import Funded, OrderReport
from trading_runtime.records.carried import CoreCarried
from trading_runtime.records.carried_paper import PaperCarried
from trading_runtime.records.commands import AmendOrder, CancelOrder, PlaceOrder, QueryOrder
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_market import ClockOffsetMoved
from trading_runtime.records.inputs import (
    AnswerReceived,
    ConnectionLost,
    ConnectionOpened,
    FrameReceived,
    Input,
    InstrumentRevised,
    JournalFailed,
    LeaseLost,
    OperatorCommanded,
    ParametersActivated,
    Purpose,
    RequestFailed,
    Stalled,
    StateCarried,
    TimerFired,
    TurnEnded,
    WatchdogFired,
)
from trading_runtime.records.units import Connection, Nanos, Seq
from trading_runtime.strategy.interface import Strategy

ORDER_COMMANDS = (PlaceOrder, CancelOrder, AmendOrder, QueryOrder)
NIL = msgspec.Raw(b"\xc0")
"""What stands in a checkpoint for a room that has no state."""

_paper_report = msgspec.json.Decoder(OrderReport)


class Core:
    """One account's market data, trading and paper venue; owned by one session."""

    def __init__(self, settings: CoreSettings, strategy: Strategy, nonce: str) -> None:
        """``nonce`` is the session's own part of its orders' ids."""
        self.intake = Intake(settings.market)
        self.private = PrivateIntake()
        self.engine = Engine(settings.engine)
        self.begun = False
        """Whether any input has been taken."""
        self._settings = settings
        self._strategy = strategy
        self._nonce = nonce
        self._seq = Seq(0)
        self._paper: PaperVenue | None = None
        self._paper_connection = Connection(0)
        self._paper_carried = NIL
        self._traded: list[Market] = []

    def step(self, seq: Seq, at: Nanos, body: Input) -> list[Output]:
        """Take the input ``seq``; give what follows from it, in order."""
        self._seq = seq
        self.begun = True
        out: list[Output] = []
        if isinstance(body, FrameReceived):
            if body.connection == self._paper_connection:
                self.engine.on_report(_paper_report.decode(body.frame), at, out)
            elif body.connection in self.private.lines:
                self._on_told(self.private.on_frame(seq, body, out), at, out)
            else:
                self.intake.on_frame(seq, at, body, out)
                if self.intake.events:
                    self._on_events(at)
        elif isinstance(body, TurnEnded):
            self.engine.on_turn_ended(seq, at, out)
        else:
            self._on_rare(seq, at, body, out)
        paper = self._paper
        if paper is not None and (out or paper.due <= at):
            self._deal(paper, at, out)
        return out

    def _on_events(self, at: Nanos) -> None:
        """Show the paper venue what the markets took, and the engine how old it was."""
        paper = self._paper
        for event in self.intake.events:
            if paper is not None:
                paper.on_event(event, at)
            if type(event) is DepthChanged:
                self.engine.on_lag(event.revision, self._lag(event, at))

    def _lag(self, event: DepthChanged, at: Nanos) -> Nanos:
        venue = self.intake.markets[event.revision].instrument.venue
        offset = self.intake.offsets.get(venue, 0)
        return Nanos(at + offset - event.venue_time)

    @staticmethod
    def _deal(paper: PaperVenue, at: Nanos, out: list[Output]) -> None:
        """Give the paper venue the commands among ``out`` and append what is due from it."""
        for output in out:
            if isinstance(output, ORDER_COMMANDS):
                paper.command(output, at)
        paper.wake(at, out)

    def _on_rare(self, seq: Seq, at: Nanos, body: Input, out: list[Output]) -> None:
        """Everything that does not come with each message; the intake knows what concerns it."""
        self.intake.on_input(seq, at, body, out)
        self._on_events(at)
        match body:
            case StateCarried():
                self._begin(body.core, at, out)
            case InstrumentRevised():
                self._trade_all(at)
            case TimerFired():
                self.engine.on_timer(body.timer, at, out)
            case ParametersActivated():
                self.engine.on_parameters(body, at, out)
            case OperatorCommanded():
                self.engine.on_operator(body, at, out)
            case JournalFailed():
                self.engine.on_journal_failed(at, out)
            case _:
                self._on_surroundings(seq, at, body, out)

    def _on_surroundings(self, seq: Seq, at: Nanos, body: Input, out: list[Output]) -> None:
        """What connections, answers, the machine and the watchdog have to say."""
        match body:
            case AnswerReceived():
                for output in out[:]:
                    if isinstance(output, ClockOffsetMoved):
                        self.engine.on_clock(output.offset_ns, out)
                self._on_told(self.private.on_answer(seq, body, out), at, out)
            case RequestFailed():
                self.engine.on_request_failed(body.request, body.reason, at, out, sent=body.sent)
            case ConnectionOpened():
                self._lose(body.connection, at, out)
                self._open(body, at, out)
            case ConnectionLost():
                self._lose(body.connection, at, out)
            case Stalled():
                self.engine.on_stalled(body.lag_ns, at, out)
            case LeaseLost():
                self.engine.on_lease_lost(body.reason, at, out)
            case WatchdogFired():
                self.engine.on_watchdog_fired(body.reason, at, out)
            case _:
                pass

    def _on_told(self, told: list[Told], at: Nanos, out: list[Output]) -> None:
        for each in told:
            if isinstance(each, Funded):
                self.engine.on_funding(each, out)
            else:
                self.engine.on_told(each, at, out)

    def _open(self, body: ConnectionOpened, at: Nanos, out: list[Output]) -> None:
        if body.purpose is Purpose.PAPER:
            self._open_paper(body.connection, at)
        else:
            self.private.on_opened(body)
            self.engine.on_connection(body.purpose, at, out, opened=True)

    def _lose(self, connection: Connection, at: Nanos, out: list[Output]) -> None:
        purpose = self.private.on_lost(connection)
        if purpose is not None:
            self.engine.on_connection(purpose, at, out, opened=False)

    def _begin(self, carried: CoreCarried, at: Nanos, out: list[Output]) -> None:
        """Open the session with what an earlier one left."""
        if carried.risk != NIL:
            self._take_up(carried)
            self.intake.go_on(at)
        self.engine.open_session(self._nonce, at, out)

    def restore(self, checkpoint: StateCarried) -> None:
        """Become what a checkpoint says: the same inputs give the same outputs from here on."""
        carried = checkpoint.core
        self.begun = True
        self._seq = carried.seq
        self._take_up(carried)
        for connection in carried.connections:
            if connection.purpose == Purpose.PAPER.value:
                self._open_paper(connection.connection, carried.at)

    def _take_up(self, carried: CoreCarried) -> None:
        self.intake.restore(carried)
        self.private.restore(carried.connections, carried.private)
        self._trade_all(carried.at)
        self.engine.restore(carried.trading, carried.risk)
        self._paper_carried = carried.paper

    def _open_paper(self, connection: Connection, at: Nanos) -> None:
        paper = PaperVenue(self._settings.paper, connection)
        for market in self.intake.markets.values():
            paper.revise(market, at)
        if self._paper_carried != NIL:
            paper.restore(msgspec.msgpack.decode(self._paper_carried, type=PaperCarried))
            self._paper_carried = NIL
        self._paper = paper
        self._paper_connection = connection

    def _trade_all(self, at: Nanos) -> None:
        """See to it that each market is read and traded on its present grid."""
        self.private.revise(market.scales for market in self.intake.markets.values())
        for market in self.intake.markets.values():
            if self._settings.trading and not any(market is traded for traded in self._traded):
                self._traded.append(market)
                parameters = self._settings.strategy.parameters_json(
                    market.instrument.instrument_id
                )
                self.engine.add(market, self._strategy, parameters)
            if self._paper is not None:
                self._paper.revise(market, at)

    def checkpoint(self, at: Nanos) -> StateCarried:
        """Give all of the state after the last input, as the record that ends a segment."""
        market = self.intake.carry()
        trading, risk = self.engine.carry()
        return StateCarried(
            core=CoreCarried(
                seq=self._seq,
                at=at,
                instruments=market.instruments,
                connections=market.connections,
                channels=market.channels,
                markets=market.markets,
                trading=trading,
                risk=risk,
                paper=self._carry_paper(self._paper),
                offsets=market.offsets,
                private=self.private.carry(),
            )
        )

    def carry_cold(self, at: Nanos) -> CoreCarried:
        """Give what a new session carries on: all but books, connections and timers."""
        whole = self.checkpoint(at).core
        paper = whole.paper
        if self._paper is not None:
            carried = msgspec.structs.replace(self._paper.carry(), timer_at=Nanos(0))
            paper = msgspec.Raw(msgspec.msgpack.encode(carried))
        return msgspec.structs.replace(
            whole,
            connections=(),
            channels=(),
            markets=self.intake.carry_cold(),
            offsets=(),
            paper=paper,
            private=(),
        )

    def _carry_paper(self, paper: PaperVenue | None) -> msgspec.Raw:
        if paper is None:
            return self._paper_carried
        return msgspec.Raw(msgspec.msgpack.encode(paper.carry()))
