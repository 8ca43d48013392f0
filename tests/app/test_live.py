"""What a session stands on before it begins."""

from pathlib import Path

from trading_runtime.app.live import renewed
from trading_runtime.clock import mono_ns
from trading_runtime.lease import Lease
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

LONG = Nanos(60 * NANOS_PER_SECOND)


def test_a_recovery_that_outlasts_the_lease_begins_with_a_new_one(tmp_path: Path) -> None:
    run_out = Lease.take(tmp_path, Nanos(0), Nanos(mono_ns() - 1))
    assert run_out.may_send(mono_ns())
    lease = renewed(run_out, tmp_path, LONG)
    assert lease.generation != run_out.generation
    assert lease.may_send(mono_ns()) == ""
    lease.release()


def test_a_lease_that_holds_goes_on_with_a_beat(tmp_path: Path) -> None:
    held = Lease.take(tmp_path, LONG, Nanos(mono_ns() - LONG + NANOS_PER_SECOND * 30))
    lease = renewed(held, tmp_path, LONG)
    assert lease is held
    assert lease.may_send(Nanos(mono_ns() + 50 * NANOS_PER_SECOND)) == ""
    lease.release()
