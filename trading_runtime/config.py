"""One TOML file holds all settings; read once, into one frozen tree, with nothing unknown in it.

Each room declares the type of its own part and is handed a value. What is wrong is one sentence
that names the file and the field.
"""

import tomllib
from pathlib import Path

import msgspec

from trading_runtime.core.paper import PaperSettings
from trading_runtime.core.settings import CoreSettings, StrategySettings
from trading_runtime.engine.settings import EngineSettings
from trading_runtime.errors import Refused
from trading_runtime.journal.settings import JournalSettings
from trading_runtime.market.settings import MarketSettings
from trading_runtime.records.instruments import Instrument, money_scale
from trading_runtime.records.units import Revision
from trading_runtime.scribe.settings import ScribeSettings
from trading_runtime.simulator.settings import FlowSettings

SHIPPED = Path(__file__).with_name("tapedeck.toml")
"""The settings that are used where nobody names others."""


class DeskSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The one market that is traded: where it is, and its grid as decimal text."""

    venue: str
    symbol: str
    base_asset: str
    quote_asset: str
    tick_size: str
    lot_size: str
    multiplier: str = "1"

    def instrument(self) -> Instrument:
        """Give the instrument as its first revision of a session."""
        return Instrument(
            revision=Revision(1),
            venue=self.venue,
            symbol=self.symbol,
            base_asset=self.base_asset,
            quote_asset=self.quote_asset,
            tick_size=self.tick_size,
            lot_size=self.lot_size,
            multiplier=self.multiplier,
            money_scale=money_scale(self.tick_size, self.lot_size, self.multiplier),
        )


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    desk: DeskSettings
    strategy: StrategySettings
    engine: EngineSettings
    market: MarketSettings = MarketSettings()
    paper: PaperSettings = PaperSettings()
    journal: JournalSettings = JournalSettings()
    scribe: ScribeSettings = ScribeSettings()
    flow: FlowSettings

    def core(
        self, strategy: StrategySettings, instrument: Instrument, *, trading: bool
    ) -> CoreSettings:
        """Give what reaches the core for one instrument.

        An instrument that has no limits of its own in the file has those of the desk's; the account
        is counted in its quote asset, finely enough for it.
        """
        desk = self.desk.instrument().instrument_id
        own = self.engine.instruments
        limits = own[instrument.instrument_id if instrument.instrument_id in own else desk]
        account = msgspec.structs.replace(
            self.engine.account,
            quote_asset=instrument.quote_asset,
            money_scale=max(self.engine.account.money_scale, instrument.money_scale),
        )
        engine = msgspec.structs.replace(
            self.engine, account=account, instruments={instrument.instrument_id: limits}
        )
        return CoreSettings(
            trading=trading, strategy=strategy, market=self.market, engine=engine, paper=self.paper
        )


def load_settings(path: Path) -> Settings:
    """Read the settings file; raise :exc:`Refused` with file and field where it is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
        settings = msgspec.convert(tomllib.loads(text), Settings)
    except OSError as error:
        raise Refused(f"cannot read settings {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{path} is no TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise Refused(f"{path}: {error}") from error
    desk = settings.desk.instrument().instrument_id
    if desk not in settings.engine.instruments:
        raise Refused(
            f'{path}: the desk\'s market has no limits: add [engine.instruments."{desk}"]'
        )
    return settings
