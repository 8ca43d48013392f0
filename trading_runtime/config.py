"""One TOML file holds all settings; read once, into one frozen tree, with nothing unknown in it.

Each room declares the type of its own part and is handed a value. What is wrong is one sentence
that names the file and the field.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from trading_runtime.audit.settings import AuditSettings
from trading_runtime.core.paper import PaperSettings
from trading_runtime.core.settings import CoreSettings, StrategySettings, Value
from trading_runtime.core.venues.registry import VENUES
from trading_runtime.engine.settings import EngineSettings
from trading_runtime.errors import Refused
from trading_runtime.journal.settings import JournalSettings
from trading_runtime.market.settings import MarketSettings
from trading_runtime.records.exact import Grid, NotDecimal
from trading_runtime.records.instruments import Instrument, money_scale
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos, Revision
from trading_runtime.scribe.settings import ScribeSettings
from trading_runtime.simulator.settings import FlowSettings
from trading_runtime.store.settings import ArchiveSettings

SHIPPED = Path(__file__).with_name("tapedeck.toml")
"""The settings that are used where nobody names others."""


class DeskSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One market that is traded: where it is, and the grid of its data as decimal text.

    Books may hold prices and sizes that are finer than the venue takes in orders today; the order
    grid is the venue's to tell, and a session on a venue asks it.
    """

    venue: str
    symbol: str
    base_asset: str
    quote_asset: str
    tick_size: str
    lot_size: str
    multiplier: str = "1"
    parameters: dict[str, Value] = {}
    """The strategy's, where this market's differ from the common ones."""

    def __post_init__(self) -> None:
        for name in ("tick_size", "lot_size", "multiplier"):
            try:
                Grid(str(msgspec.structs.asdict(self)[name]))
            except NotDecimal as error:
                raise ValueError(f"{name}: {error}") from error

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


class VenueSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the venue is, and how long anything may take there."""

    environment: Literal["simulator", "testnet", "demo", "production"] = "simulator"
    url: str = ""
    """Of a simulator: where it listens, as ``http://host:port``; elsewhere it stays empty."""
    keys: str = ""
    """A file with key and secret, mode 0600; without one they come from the environment."""
    ca_file: str = ""
    """Certificates to trust instead of the system's."""
    answer_timeout_ns: Nanos = Nanos(10 * NANOS_PER_SECOND)
    """Of a request over HTTP; the venue itself may take so long."""
    command_age_max_ns: Nanos = Nanos(NANOS_PER_SECOND)
    """An order that was decided longer ago is not sent."""
    stall_ns: Nanos = Nanos(NANOS_PER_SECOND)
    """A loop that stood still for so long says so to the engine."""
    lease_ns: Nanos = Nanos(5 * NANOS_PER_SECOND)
    """Without a beat for so long nothing is sent any more."""
    watchdog_margin_ns: Nanos = Nanos(5 * NANOS_PER_SECOND)
    """So long after that the watchdog cancels everything: time for what was sent to arrive, and for
    a supervisor to bring back a runtime that died."""
    reconnect_max_ns: Nanos = Nanos(30 * NANOS_PER_SECOND)
    """The longest wait between two attempts to connect."""
    renew_after_ns: Nanos = Nanos(23 * 3600 * NANOS_PER_SECOND)
    """A connection is replaced before the venue cuts it at 24 hours."""

    def __post_init__(self) -> None:
        if (self.environment == "simulator") < bool(self.url):
            raise ValueError("url is for the simulator; the venue's own addresses are known")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    desks: tuple[DeskSettings, ...]
    strategy: StrategySettings
    engine: EngineSettings
    market: MarketSettings = MarketSettings()
    paper: PaperSettings = PaperSettings()
    journal: JournalSettings = JournalSettings()
    scribe: ScribeSettings = ScribeSettings()
    flow: FlowSettings
    venue: VenueSettings = VenueSettings()
    audit: AuditSettings = AuditSettings()
    archive: ArchiveSettings = ArchiveSettings()
    platform: dict[str, object] = {}
    """The platform's own part, which it reads and checks itself (``data_platform.settings``)."""

    def instruments(self) -> tuple[Instrument, ...]:
        """Give what is traded, on the grids of the file."""
        return tuple(desk.instrument() for desk in self.desks)

    def core(
        self,
        strategy: StrategySettings,
        instruments: Sequence[Instrument],
        *,
        trading: bool,
    ) -> CoreSettings:
        """Give what reaches the core for ``instruments``, which are quoted in one asset.

        An instrument that has no limits of its own in the file has those of the first desk; the
        account is counted in the quote asset, finely enough for each of them.
        """
        first = self.desks[0].instrument().instrument_id
        own = self.engine.instruments
        limits = {
            each.instrument_id: own[each.instrument_id if each.instrument_id in own else first]
            for each in instruments
        }
        account = msgspec.structs.replace(
            self.engine.account,
            quote_asset=instruments[0].quote_asset,
            money_scale=max(
                self.engine.account.money_scale, *(each.money_scale for each in instruments)
            ),
        )
        engine = msgspec.structs.replace(
            self.engine,
            account=account,
            instruments=limits,
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
    check_desks(path, settings)
    return settings


def check_desks(path: Path, settings: Settings) -> None:
    """Raise :exc:`Refused` where the desks cannot be of one account, or have no limits."""
    if not settings.desks:
        raise Refused(f"{path}: no market is named: add [[desks]]")
    for instrument in settings.instruments():
        name = instrument.instrument_id
        if instrument.venue not in VENUES:
            raise Refused(f"{path}: no venue {instrument.venue}: there are {', '.join(VENUES)}")
        if name not in settings.engine.instruments:
            raise Refused(f'{path}: {name} has no limits: add [engine.instruments."{name}"]')
    for what in ("venue", "quote_asset"):
        different = sorted({str(msgspec.structs.asdict(desk)[what]) for desk in settings.desks})
        if len(different) > 1:
            raise Refused(
                f"{path}: one process trades one account: the desks' {what} is both"
                f" {' and '.join(different)}; run one process for each"
            )
    symbols = [desk.symbol for desk in settings.desks]
    if len(set(symbols)) < len(symbols):
        raise Refused(f"{path}: a symbol stands in two desks: {', '.join(symbols)}")
