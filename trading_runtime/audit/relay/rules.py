"""Which records are audited (AUD-1), what each happened to, and what was done to it.

Measurements, market data and the strategy's quotes are in the journal, and in no entry: an order
that comes of a quote is.
"""

from collections.abc import Mapping
from enum import Enum

from trading_runtime.records import commands, facts_trading, facts_venue, inputs, observations
from trading_runtime.records.event import Event
from trading_runtime.records.lifecycle import Happening


class Entity(Enum):
    """What an entry can be about; the value begins its entity id."""

    ORDER = "order"
    ACCOUNT = "account"
    PARAMETERS = "parameters"
    STRATEGY = "strategy"
    USER = "user"
    SESSION = "session"
    KEY = "key"
    LOG = "log"


ORDERS: Mapping[type[Event], tuple[str, Happening | None]] = {
    commands.PlaceOrder: ("place", None),
    commands.AmendOrder: ("amend", Happening.AMEND_SENT),
    commands.CancelOrder: ("cancel", Happening.CANCEL_SENT),
    facts_trading.OrderAccepted: ("accept", Happening.ACCEPTED),
    facts_trading.OrderRejected: ("reject", Happening.REJECTED),
    facts_trading.OrderFilled: ("fill", Happening.FILLED_IN_PART),
    facts_trading.OrderAmended: ("amend", Happening.AMENDED),
    facts_trading.OrderCancelled: ("cancel", Happening.CANCELLED),
    facts_trading.OrderExpired: ("expire", Happening.EXPIRED),
    facts_trading.OrderUnknown: ("lose", None),
    facts_trading.CancelRefused: ("cancel", Happening.CANCEL_REFUSED),
    facts_trading.AmendRefused: ("amend", Happening.AMEND_REFUSED),
    facts_trading.FillsDisagree: ("compare", None),
    facts_trading.TransitionImpossible: ("report", None),
    facts_trading.ForeignOrderSeen: ("see", None),
    facts_venue.OrderAdopted: ("adopt", None),
    facts_venue.OrderDiffers: ("compare", None),
    observations.OrderWithdrawn: ("withdraw", None),
}
"""Each with what is done to the order, and what happens to its state by the table of lifecycle."""

OTHERS: Mapping[type[Event], tuple[Entity, str]] = {
    facts_trading.HedgeDecided: (Entity.ACCOUNT, "hedge"),
    facts_trading.IntentRefused: (Entity.ACCOUNT, "refuse"),
    facts_trading.RiskLimitTriggered: (Entity.ACCOUNT, "limit"),
    facts_trading.RiskLimitCleared: (Entity.ACCOUNT, "limit"),
    facts_trading.PanicStopTriggered: (Entity.ACCOUNT, "panic_stop"),
    facts_trading.PanicStopStepped: (Entity.ACCOUNT, "panic_stop"),
    facts_trading.PanicStopCleared: (Entity.ACCOUNT, "clear_panic"),
    facts_trading.FundingPaid: (Entity.ACCOUNT, "fund"),
    facts_trading.DayRolled: (Entity.ACCOUNT, "roll"),
    facts_venue.PositionDrifted: (Entity.ACCOUNT, "reconcile"),
    facts_venue.BalanceDrifted: (Entity.ACCOUNT, "reconcile"),
    facts_venue.Reconciled: (Entity.ACCOUNT, "reconcile"),
    facts_venue.RateLimited: (Entity.ACCOUNT, "bar"),
    facts_venue.StartGateHeld: (Entity.ACCOUNT, "start_gate"),
    facts_venue.StartGatePassed: (Entity.ACCOUNT, "start_gate"),
    inputs.LeaseLost: (Entity.ACCOUNT, "fence"),
    inputs.WatchdogFired: (Entity.ACCOUNT, "fence"),
    observations.LeaseEnded: (Entity.ACCOUNT, "fence"),
    observations.OrdersSwept: (Entity.ACCOUNT, "sweep"),
    inputs.ParametersActivated: (Entity.PARAMETERS, "activate"),
    facts_trading.ParametersRefused: (Entity.PARAMETERS, "activate"),
    facts_trading.StrategyPaused: (Entity.STRATEGY, "pause"),
    facts_trading.StrategyResumed: (Entity.STRATEGY, "resume"),
    facts_trading.StrategyRaised: (Entity.STRATEGY, "raise"),
    inputs.OperatorCommanded: (Entity.USER, "command"),
    observations.KeyUsed: (Entity.KEY, "use"),
    inputs.SessionOpened: (Entity.SESSION, "open"),
    observations.ServiceStarted: (Entity.SESSION, "start"),
    observations.ServiceStopped: (Entity.SESSION, "stop"),
    observations.ConfigInitialised: (Entity.SESSION, "configure"),
    inputs.JournalFailed: (Entity.SESSION, "fail"),
    observations.AuditTampered: (Entity.LOG, "tamper"),
    observations.AuditRefused: (Entity.LOG, "refuse"),
    observations.AuditAlarmed: (Entity.LOG, "alarm"),
}
"""Each with what it is about, and what was done."""
