"""What has to be true of account, terms and instrument before the first quote of a session."""

import msgspec

from trading_runtime.account.reports import AccountReport
from trading_runtime.engine.desk import Desk
from trading_runtime.engine.floor import Floor
from trading_runtime.oms.reports import TableReport
from trading_runtime.records.envelope import Output
from trading_runtime.records.units import Nanos


class StartGateCarried(msgspec.Struct, frozen=True, array_like=True):
    hold: str


class StartGate:
    """Owned by the engine, which shares its list of desks with it; open where nothing is asked."""

    __slots__ = ("_desks", "_floor", "hold")

    def __init__(self, floor: Floor, desks: list[Desk]) -> None:
        self._floor = floor
        self._desks = desks
        self.hold = ""
        """Why nothing may be quoted yet; empty once all is as it has to be."""

    def begin(self, at: Nanos, out: list[Output]) -> None:
        """Ask everything anew: a session begins on a venue."""
        del at, out

    def on_told(self, told: TableReport | AccountReport, at: Nanos, out: list[Output]) -> None:
        """Hear what the venue tells beside the reports of single orders."""
        del told, at, out

    def on_answer_lost(self, request: str, at: Nanos, out: list[Output]) -> None:
        """Note that ``request``, which may be another's, gets no answer."""
        del request, at, out

    def look(self, at: Nanos, out: list[Output]) -> None:
        """Ask again what was not answered; called at the engine's timer and at a turn's end."""
        del at, out

    def carry(self) -> StartGateCarried:
        return StartGateCarried(self.hold)

    def restore(self, carried: StartGateCarried) -> None:
        self.hold = carried.hold
