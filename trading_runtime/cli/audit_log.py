"""The deeds of ``tapedeck audit`` that open the log: ``run`` and ``prune``.

Apart from the others because of what they load: whoever asks witnesses needs an HTTP client.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event as Flag

from trading_runtime.audit.rotation import LOCK
from trading_runtime.audit.run import Feeder, Idle, Plan
from trading_runtime.audit.run import run as serve
from trading_runtime.audit.sequencer import pruning
from trading_runtime.audit.sequencer.opening import Order
from trading_runtime.audit.settings import AuditSettings
from trading_runtime.audit.streams.opening import open_sources
from trading_runtime.cli.aside import aside
from trading_runtime.cli.audit_ground import archive_of, audit_of, pair
from trading_runtime.cli.telling import READY, tell
from trading_runtime.clock import Clock
from trading_runtime.config import load_settings
from trading_runtime.journal.alone import alone


def run(arguments: argparse.Namespace, stop: Flag, relay: Callable[[AuditSettings], Feeder]) -> int:
    """Run until ``stop``; raise :exc:`Halt` where the service refuses, and trading goes on."""
    data: Path = arguments.data
    settings = load_settings(arguments.settings).audit
    order = order_of(arguments, settings, rebuild_index=arguments.rebuild_index)
    clock = Clock()
    feeder = Idle if arguments.no_relay else partial(relay, settings)
    with aside(order.audit, "audit", clock) as diary:
        plan = Plan(order, feeder, partial(archive_of, data, settings))
        serve(plan, diary, clock.stamp, lambda: tell(READY), stop.is_set)
    return 0


def prune(arguments: argparse.Namespace) -> int:
    """Let go of frames that the archive holds; raise :exc:`Refused` while the service runs."""
    data: Path = arguments.data
    settings = load_settings(arguments.settings).audit
    order = order_of(arguments, settings, rebuild_index=False)
    clock = Clock()
    with (
        alone(order.audit / LOCK, "the audit service runs: stop it, prune, start it again"),
        aside(order.audit, "audit-prune", clock) as diary,
    ):
        archive = archive_of(data, settings)
        blocks = pruning.prune(order, archive, arguments.keep, diary, clock.stamp)
    tell(f"let go of the frames of {len(blocks)} blocks")
    return 0


def order_of(
    arguments: argparse.Namespace, settings: AuditSettings, *, rebuild_index: bool
) -> Order:
    audit = audit_of(arguments.data)
    return Order(
        audit=audit,
        settings=settings,
        witnesses=dict(pair(text) for text in arguments.witness_at)
        | {each.name: each.url for each in settings.witnesses},
        sources=lambda place: open_sources(audit, settings, place),
        rebuild_index=rebuild_index,
    )
