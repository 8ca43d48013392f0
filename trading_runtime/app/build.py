"""A core from a session's header: the only way one is made, for live and replay alike."""

from trading_runtime.app.naming import nonce_of
from trading_runtime.app.provenance import Provenance, StrategyText
from trading_runtime.core.core import Core
from trading_runtime.core.settings import CoreSettings, decode_settings
from trading_runtime.records.inputs import SessionOpened


def build_core(header: SessionOpened, running: Provenance) -> Core:
    """Make the core that ``header`` describes, with what runs here where that was given instead."""
    settings = decode_settings(running.settings or header.settings)
    return core_of(settings, running.strategy, header.session)


def core_of(settings: CoreSettings, strategy: StrategyText | None, session: str) -> Core:
    named = settings.strategy
    text = strategy or StrategyText(named.name, named.source, "")
    return Core(settings, text.build(), nonce_of(session))
