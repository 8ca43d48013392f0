"""The platform's clock: when something was made, for manifests; never for what is in a file."""

import time

import dagster as dg

from trading_runtime.records.units import Nanos


class Clock(dg.ConfigurableResource[None]):  # type: ignore[explicit-any]  # Dagster's base
    def now(self) -> Nanos:
        return Nanos(time.time_ns())
