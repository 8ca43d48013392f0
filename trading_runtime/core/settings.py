"""All settings that decisions hang on, as one tree; its digest stands in the session's header."""

import msgspec

from trading_runtime.core.paper import PaperSettings
from trading_runtime.engine.settings import EngineSettings
from trading_runtime.market.settings import MarketSettings

Value = int | str | bool


class StrategySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which class quotes: a shipped name (``grid``) or ``FILE:CLASS``, and its parameters.

    ``source`` is the text of that file, put in when a session begins, so that the session can be
    replayed wherever its journal is; it stays empty for a shipped strategy and in the settings.
    ``own`` are parameters of single instruments, by instrument id, that go before the common ones.
    """

    name: str
    parameters: dict[str, Value]
    source: str = ""
    own: dict[str, dict[str, Value]] = {}

    def parameters_json(self, instrument_id: str) -> bytes:
        """Write the parameters of one instrument in their one canonical form."""
        merged = self.parameters | self.own.get(instrument_id, {})
        return msgspec.json.encode(merged, order="deterministic")


class CoreSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``trading`` switches the quoting as a whole: without it the core only watches."""

    trading: bool
    strategy: StrategySettings
    market: MarketSettings
    engine: EngineSettings
    paper: PaperSettings


def encode_settings(settings: CoreSettings) -> bytes:
    """Write the settings in their one canonical form: JSON with sorted keys."""
    return msgspec.json.encode(settings, order="deterministic")


def decode_settings(data: bytes) -> CoreSettings:
    """Read what :func:`encode_settings` wrote; raises :exc:`msgspec.ValidationError`."""
    return msgspec.json.decode(data, type=CoreSettings)
