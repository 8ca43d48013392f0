"""What may not leave: orders decided too long ago, and anything of a session that is fenced."""

from pathlib import Path

from tests.live.trader import Trader, hurried_settings
from tests.live.venue import READY_WITHIN_S, SimulatedVenue, until
from trading_runtime.clock import mono_ns
from trading_runtime.lease import Condition, Watched
from trading_runtime.records.commands import PlaceOrder
from trading_runtime.records.inputs import LeaseLost, RequestFailed
from trading_runtime.records.observations import ServiceStarted
from trading_runtime.records.units import Nanos


def test_an_order_that_was_decided_too_long_ago_does_not_leave(tmp_path: Path) -> None:
    settings = hurried_settings(tmp_path / "settings.toml", ("command_age_max_ns", "0"))
    with SimulatedVenue(tmp_path / "venue") as venue:
        trader = Trader(tmp_path / "data", settings, venue)
        trader.start()
        until("orders were decided", READY_WITHIN_S, lambda: has(trader, PlaceOrder))
        trader.stop()
        placed = {body.order for _, _, body in trader.bodies() if isinstance(body, PlaceOrder)}
        failed = {
            body.request
            for _, _, body in trader.bodies()
            if isinstance(body, RequestFailed) and not body.sent and "decided" in body.reason
        }
        assert placed
        assert placed <= failed
        assert venue.books()["orders"] == []


def test_a_session_that_its_watchdog_fired_at_sends_nothing_and_ends(tmp_path: Path) -> None:
    settings = hurried_settings(tmp_path / "settings.toml")
    with SimulatedVenue(tmp_path / "venue") as venue:
        trader = Trader(tmp_path / "data", settings, venue)
        trader.start()
        until("it quotes", READY_WITHIN_S, trader.quotes)
        watched = Watched(trader.data, Nanos(0))
        until(
            "the lease is seen alive",
            READY_WITHIN_S,
            lambda: watched.look(mono_ns()).condition is Condition.ALIVE,
        )
        assert watched.fire(watched.look(mono_ns()).generation)
        watched.close()
        printed, _ = trader.process.communicate(timeout=READY_WITHIN_S)
        assert trader.process.returncode == 1
        assert "this session may send nothing any more: the watchdog has fired" in printed
        left = venue.open_orders()
        assert left, "cancelling them is the watchdog's, and none runs here"
        lost = [seq for _, seq, body in trader.bodies() if isinstance(body, LeaseLost)]
        assert len(lost) == 1

        # The next session holds until a person has looked, and leaves nothing open meanwhile.
        trader.start()
        until(
            "orders of the last session are gone", READY_WITHIN_S, lambda: not venue.open_orders()
        )
        until("it says why", READY_WITHIN_S, lambda: "watchdog" in held(trader))
        trader.stop()


def held(trader: Trader) -> str:
    """Why it does not quote, as it says itself."""
    status = trader.status()
    return "" if status is None else status.markets[0].held


def has(trader: Trader, kind: type[PlaceOrder | ServiceStarted]) -> bool:
    return any(isinstance(body, kind) for _, _, body in trader.bodies())
