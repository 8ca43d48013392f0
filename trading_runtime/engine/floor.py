"""What all desks share: ids, the account, the common throttles, and what stops everybody."""

import msgspec

from trading_runtime.account.equity import Account, AccountCarried
from trading_runtime.engine.settings import EngineSettings
from trading_runtime.oms.ids import ClientIds
from trading_runtime.oms.orders import OrderTable
from trading_runtime.oms.throttle import Bucket, BucketCarried
from trading_runtime.records.commands import AskVenue, Question, SetTimer
from trading_runtime.records.envelope import Output
from trading_runtime.records.units import Money, Nanos, Revision
from trading_runtime.risk.monitors import Window, WindowCarried, account_watch
from trading_runtime.risk.panic import Panic, PanicCarried

TIMER = "engine"
"""The name of the engine's one timer."""

WORDS: dict[Question, str] = {
    each: "open" if each is Question.OPEN_ORDERS else each.value for each in Question
}
"""How the names of questions begin (the clock's are named by who measures it)."""


class FloorCarried(msgspec.Struct, frozen=True, array_like=True):
    """What all desks share, as it stands in a checkpoint."""

    session: str
    account: AccountCarried
    broken: tuple[bool, ...]
    answers: WindowCarried
    panic: PanicCarried
    orders: BucketCarried
    cancels: BucketCarried
    timer_at: Nanos
    stopped: bool
    failed: bool
    asked: int
    venue_hold: str
    line_down: bool
    quiet_until: Nanos
    messages: int
    traded: Money


class Floor:
    """Owned by the engine; a desk reads it and takes ids and tokens."""

    __slots__ = (
        "account",
        "answers",
        "asked",
        "cancels",
        "failed",
        "ids",
        "line_down",
        "messages",
        "orders",
        "panic",
        "quiet_until",
        "settings",
        "stopped",
        "tables",
        "timer_at",
        "traded",
        "venue_hold",
        "watch",
    )

    def __init__(self, settings: EngineSettings) -> None:
        self.settings = settings
        self.account = Account(settings.account)
        self.ids = ClientIds(settings.oms.owner_prefix)
        self.orders = Bucket(settings.oms.orders)
        self.cancels = Bucket(settings.oms.cancels)
        self.answers = self.window()
        """Errors among the venue's answers to our requests."""
        self.panic = Panic()
        self.watch = account_watch(settings.limits)
        self.stopped = False
        self.failed = False
        """The journal takes no more: only what makes safe may be sent."""
        self.tables: list[OrderTable] = []
        self.timer_at = Nanos(0)
        """When the timer will fire; 0 when none is set."""
        self.asked = 0
        """How many questions were put to the venue, over all sessions: their names count on."""
        self.venue_hold = ""
        """Why the venue's side lets nothing be quoted; empty when it does."""
        self.line_down = False
        """Requests would not leave by their usual way: cancels are tried once each interval."""
        self.quiet_until = Nanos(0)
        """The venue wants to hear nothing before this moment (429 and its like)."""
        self.messages = 0
        """Orders, amendments and cancels sent since the account's limits were last held."""
        self.traded = Money(0)
        """Bought and sold since then, in the account's money."""

    @property
    def hold(self) -> str:
        """Why no strategy runs at all; empty when each may."""
        if self.panic.reason:
            return "panic stop"
        if self.failed:
            return "journal failed"
        return "stopped" if self.stopped else ""

    def window(self) -> Window:
        """Make a window of the length that all rates are taken over."""
        limits = self.settings.limits
        return Window(limits.window_ns, limits.window_events_min)

    def ask(self, question: Question, venue: str, revision: Revision, out: list[Output]) -> str:
        """Put a question to the venue; give the name that its answer will come under.

        ``revision`` is 0 where the question is about no instrument.
        """
        request = self.name(WORDS[question], revision)
        out.append(AskVenue(request=request, venue=venue, question=question, revision=revision))
        return request

    def name(self, word: str, revision: Revision) -> str:
        """Name a request to the venue that is about no order of ours, never to be used again."""
        self.asked += 1
        return f"{word}-{revision}-{self.asked}"

    def carry(self) -> FloorCarried:
        return FloorCarried(
            session=self.ids.session,
            account=self.account.carry(),
            broken=self.watch.carry(),
            answers=self.answers.carry(),
            panic=self.panic.carry(),
            orders=self.orders.carry(),
            cancels=self.cancels.carry(),
            timer_at=self.timer_at,
            stopped=self.stopped,
            failed=self.failed,
            asked=self.asked,
            venue_hold=self.venue_hold,
            line_down=self.line_down,
            quiet_until=self.quiet_until,
            messages=self.messages,
            traded=self.traded,
        )

    def restore(self, carried: FloorCarried) -> None:
        """Take over a carried floor, after the ledgers of its account were restored."""
        self.ids.restore(carried.session)
        self.account.restore(carried.account)
        self.watch.restore(carried.broken)
        self.answers.restore(carried.answers)
        self.panic.restore(carried.panic)
        self.orders.restore(carried.orders)
        self.cancels.restore(carried.cancels)
        self.timer_at = carried.timer_at
        self.stopped = carried.stopped
        self.failed = carried.failed
        self.asked = carried.asked
        self.venue_hold = carried.venue_hold
        self.line_down = carried.line_down
        self.quiet_until = carried.quiet_until
        self.messages = carried.messages
        self.traded = carried.traded

    def live_orders(self) -> int:
        return sum(len(table.live) for table in self.tables)

    def wake(self, at: Nanos, out: list[Output]) -> None:
        """See to it that the timer fires at ``at`` or before."""
        if not self.timer_at or at < self.timer_at:
            self.timer_at = at
            out.append(SetTimer(timer=TIMER, at=at))
