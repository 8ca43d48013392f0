"""A process beside the runtime: its own journal, with its start, its end and why."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trading_runtime.app.naming import new_session
from trading_runtime.app.provenance import here
from trading_runtime.clock import Clock, wall_ns
from trading_runtime.journal.diary import Diary
from trading_runtime.records.envelope import Kind
from trading_runtime.records.observations import ServiceStarted, ServiceStopped
from trading_runtime.records.units import Nanos


@contextmanager
def aside(root: Path, service: str, clock: Clock) -> Iterator[Diary]:
    """Keep a diary below ``root`` while ``service`` runs (LOG-3); what ends it early is raised."""
    began = clock.stamp().at
    diary = Diary(root, new_session(wall_ns()), clock)
    running = here(None, None)
    reason = "asked to stop"
    try:
        diary.write(
            Kind.OBSERVATION,
            ServiceStarted(
                service=service,
                version=running.version,
                git_revision=running.git_revision,
                process=os.getpid(),
                recovered_from="",
            ),
        )
        yield diary
    except BaseException as fault:
        reason = str(fault) or type(fault).__name__
        raise
    finally:
        uptime = Nanos(clock.stamp().at - began)
        diary.write(
            Kind.OBSERVATION, ServiceStopped(service=service, reason=reason, uptime_ns=uptime)
        )
        diary.close()
