"""How good an hour of a stream's lines is; told by names and manifests, no line is read."""

from collections.abc import Mapping
from pathlib import Path

from data_platform.assets.logs import archive
from data_platform.assets.logs.compression import parts_of
from trading_runtime.records import layout
from trading_runtime.records.units import Module, Nanos
from trading_runtime.store import manifest
from trading_runtime.store.condition import Condition
from trading_runtime.store.hours import Hour


def conditions(data: Path, hour: Hour, now: Nanos) -> Mapping[Module, Condition]:
    """Give the condition of each stream's hour at ``now``.

    *Empty*: scribe sealed the hour and the stream had no line. *Missing*: it is over, and scribe
    neither sealed it nor wrote a line of it anywhere.
    """
    is_sealed = archive.is_sealed(data, hour)
    return {it: _condition(data, it, hour, is_sealed, now >= hour.end) for it in Module}


def _condition(data: Path, module: Module, hour: Hour, *told: bool) -> Condition:
    is_sealed, is_over = told
    it = archive.dataset(data, module, hour)
    findings = Path(layout.quarantine(data)) / "logs" / it.path
    if findings.with_suffix(".findings.json").exists():
        return Condition.QUARANTINED
    known = manifest.read(it.published)
    if known is not None:
        return Condition.DEGRADED if known.quality.degraded else Condition.COMPLETE
    if it.partial.exists() or parts_of(data, module, hour):
        return Condition.PARTIAL
    if is_sealed:
        return Condition.EMPTY
    return Condition.MISSING if is_over else Condition.PARTIAL
