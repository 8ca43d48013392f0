"""What all desks share: ids, the account, the common throttles, and what stops everybody."""

from trading_runtime.account.equity import Account
from trading_runtime.engine.settings import EngineSettings
from trading_runtime.oms.ids import ClientIds
from trading_runtime.oms.orders import OrderTable
from trading_runtime.oms.throttle import Bucket
from trading_runtime.records.commands import SetTimer
from trading_runtime.records.envelope import Output
from trading_runtime.records.units import Nanos
from trading_runtime.risk.monitors import Window, account_watch
from trading_runtime.risk.panic import Panic

TIMER = "engine"
"""The name of the engine's one timer."""


class Floor:
    """Owned by the engine; a desk reads it and takes ids and tokens."""

    __slots__ = (
        "account",
        "answers",
        "cancels",
        "failed",
        "ids",
        "orders",
        "panic",
        "settings",
        "stopped",
        "tables",
        "timer_at",
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

    def live_orders(self) -> int:
        return sum(len(table.live) for table in self.tables)

    def wake(self, at: Nanos, out: list[Output]) -> None:
        """See to it that the timer fires at ``at`` or before."""
        if not self.timer_at or at < self.timer_at:
            self.timer_at = at
            out.append(SetTimer(timer=TIMER, at=at))
