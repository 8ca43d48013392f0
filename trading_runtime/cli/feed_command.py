"""``tapedeck feed``: a recorded capture as if it came live, and what it held as JSON."""

import argparse
import json
import sys
from pathlib import Path

import msgspec

from trading_runtime.app.feed import feed
from trading_runtime.app.opening import plan
from trading_runtime.config import SHIPPED, DeskSettings, Settings, load_settings
from trading_runtime.core.settings import StrategySettings, Value
from trading_runtime.core.venues.registry import VENUES
from trading_runtime.errors import Refused
from trading_runtime.gateway.capture import Capture, finest_grid
from trading_runtime.records import layout
from trading_runtime.records.inputs import Mode
from trading_runtime.records.instruments import Instrument

QUOTE_ASSETS = ("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "BTC", "ETH", "BNB", "EUR", "TRY")
"""A capture does not say where a symbol's base ends; these are the endings in use."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("feed", help="play recorded exchange traffic as if it came live")
    parser.add_argument("captures", nargs="+", type=Path, metavar="CAPTURE")
    parser.add_argument("--venue", required=True, choices=sorted(VENUES))
    parser.add_argument("--symbol", required=True)
    parser.add_argument("--tick", help="price step (default: the coarsest that fits the capture)")
    parser.add_argument("--lot", help="size step (default: likewise)")
    parser.add_argument("--trade", action="store_true", help="quote into paper fills")
    parser.add_argument("--strategy", help="a shipped name, or FILE:CLASS")
    parser.add_argument("--parameters", metavar="JSON", help="of the strategy")
    parser.add_argument("--data", required=True, type=Path, metavar="DIR")
    parser.add_argument("--settings", type=Path, default=SHIPPED, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = load_settings(arguments.settings)
    settings = msgspec.structs.replace(settings, strategy=strategy_of(arguments, settings))
    instrument = instrument_of(arguments)
    planned = plan(settings, arguments.settings, Mode.PAPER, (instrument,), trading=arguments.trade)
    fed = feed(planned, arguments.data, arguments.captures)
    folder = Path(layout.session(arguments.data, fed.session))
    report = {
        "session": fed.session,
        **fed.tally.report(arguments.captures, folder),
        "warning": fed.warning,
    }
    if fed.warning:
        print(f"tapedeck: {fed.warning}", file=sys.stderr)  # noqa: T201 -- how a command speaks
    print(json.dumps(report) if arguments.json else as_text(report))  # noqa: T201 -- its purpose
    return 0


def strategy_of(arguments: argparse.Namespace, settings: Settings) -> StrategySettings:
    """Give the strategy that is named, or that of the settings, with the parameters given.

    Parameters belong to a strategy: another one starts from its own defaults.
    """
    name = arguments.strategy or settings.strategy.name
    parameters = settings.strategy.parameters if name == settings.strategy.name else {}
    if arguments.parameters:
        try:
            parameters = msgspec.json.decode(arguments.parameters, type=dict[str, Value])
        except msgspec.DecodeError as error:
            raise Refused(f"--parameters {arguments.parameters}: {error}") from error
    return StrategySettings(name=name, parameters=parameters)


def instrument_of(arguments: argparse.Namespace) -> Instrument:
    """Give the market that the capture is of, on the grid that was named or that fits."""
    symbol = arguments.symbol.upper()
    tick, lot = arguments.tick, arguments.lot
    if tick is None or lot is None:
        found = finest_grid(Capture(arguments.captures), symbol)
        tick, lot = tick or found[0], lot or found[1]
    quote = next((asset for asset in QUOTE_ASSETS if symbol.endswith(asset)), "")
    base = symbol.removesuffix(quote)
    if not base or not quote:
        raise Refused(f"{symbol} does not end in a known quote asset: {', '.join(QUOTE_ASSETS)}")
    try:
        return DeskSettings(
            venue=arguments.venue,
            symbol=symbol,
            base_asset=base,
            quote_asset=quote,
            tick_size=tick,
            lot_size=lot,
        ).instrument()
    except ValueError as error:
        raise Refused(f"--tick {tick} --lot {lot}: {error}") from error


def as_text(report: dict[str, object]) -> str:
    """Write the figures one a line, without the long lists."""
    return "\n".join(
        f"{name}: {json.dumps(value)[:160]}" for name, value in report.items() if name != "files"
    )
