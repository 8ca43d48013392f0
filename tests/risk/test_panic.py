"""The latch and its steps."""

from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_trading import (
    PanicStep,
    PanicStopCleared,
    PanicStopStepped,
    PanicStopTriggered,
)
from trading_runtime.records.units import Lots
from trading_runtime.risk.panic import Panic


def steps(out: list[Output]) -> list[PanicStep]:
    return [each.step for each in out if isinstance(each, PanicStopStepped)]


def test_it_latches_first_and_once() -> None:
    panic = Panic()
    out: list[Output] = []
    assert panic.trigger("drawdown", 2, Lots(5), out)
    assert not panic.trigger("again", 2, Lots(5), out)
    assert isinstance(out[0], PanicStopTriggered)
    assert steps(out) == [PanicStep.LATCHED]
    assert len(out) == 2


def test_the_step_follows_from_what_is_true_and_is_said_when_it_changes() -> None:
    panic = Panic()
    out: list[Output] = []
    panic.trigger("drawdown", 2, Lots(5), out)
    for open_orders, position in ((2, 5), (1, 5), (0, 5), (0, 5), (0, 0), (0, 3), (0, 0)):
        panic.look(open_orders, Lots(position), out)
    assert steps(out) == [
        PanicStep.LATCHED,
        PanicStep.CANCELLING,
        PanicStep.CLOSING,
        PanicStep.FLAT,
        PanicStep.CLOSING,
        PanicStep.FLAT,
    ]


def test_flat_or_not_it_stays_latched_until_it_is_cleared() -> None:
    panic = Panic()
    out: list[Output] = []
    assert not panic.clear("ann", out)
    panic.trigger("drawdown", 0, Lots(0), out)
    panic.look(0, Lots(0), out)
    again = Panic()
    again.restore(panic.carry())
    assert again.latched
    out.clear()
    assert again.clear("ann", out)
    assert out == [PanicStopCleared(user="ann")]
    assert not again.latched
