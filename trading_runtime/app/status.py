"""What a running session says of itself to a person who asks; changes nothing."""

from trading_runtime.app.doorway import ConnectionStatus, MarketStatus, Status
from trading_runtime.app.session import Session
from trading_runtime.engine.desk import Desk
from trading_runtime.oms.order import UNKNOWN
from trading_runtime.records.inputs import Mode


def status_of(session: Session, mode: Mode, watchdog: str, lease: str) -> Status:
    """``watchdog`` says why it has fired, ``lease`` why nothing may be sent; empty if not so."""
    core = session.core
    engine = core.engine
    return Status(
        session=session.journal.session,
        mode=mode.value,
        latched=engine.latched,
        watchdog=watchdog,
        lease=lease,
        markets=tuple(market_status(desk, engine.holding) for desk in engine.desks),
        connections=tuple(
            ConnectionStatus(venue=each.venue, purpose=each.purpose, up=True)
            for each in core.intake.carry().connections
        ),
    )


def market_status(desk: Desk, holding: str) -> MarketStatus:
    live = desk.table.live.values()
    return MarketStatus(
        instrument_id=desk.instrument_id,
        held=holding or desk.held,
        open_orders=desk.table.open_count(),
        unknown_orders=sum(1 for order in live if order.state in UNKNOWN),
        position=desk.lane.scales.lot.text(desk.ledger.position),
    )
