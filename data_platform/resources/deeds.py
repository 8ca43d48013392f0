"""What the platform deletes, restores and builds anew, as entries of the audit record."""

from pathlib import Path

import dagster as dg

from trading_runtime.audit.client.client import Act
from trading_runtime.audit.client.deeds import Deeds as Telling
from trading_runtime.audit.client.opening import settings_of
from trading_runtime.evidence.canonical import JsonObject


class Deeds(dg.ConfigurableResource[None]):  # type: ignore[explicit-any]  # Dagster's base
    """The producer is ``platform``; :mod:`trading_runtime.audit.client.deeds` has the rules."""

    settings: str = ""
    """The settings file; empty: the shipped one."""

    def tell(self, data: Path, act: Act) -> str:
        """Record ``act``; give why it is not in the record yet, or empty."""
        return self.of(data).tell(act)

    def of(self, data: Path) -> Telling:
        return Telling(data, settings_of(Path(self.settings) if self.settings else None))


def deed(event_type: str, operation: str, entity_id: str, run_id: str, about: JsonObject) -> Act:
    """Word a deed of the platform; ``event_type`` is past tense, ``operation`` imperative."""
    return Act(
        event_type=event_type,
        operation=operation,
        entity_id=entity_id,
        trace_id=run_id or None,
        request_data=about,
    )
