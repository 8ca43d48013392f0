"""The venue process: its server, its faults and who else trades there, put together."""

import asyncio
import hashlib
import signal
import sys
import tempfile
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from uvloop import new_event_loop

from trading_runtime.clock import mono_ns
from trading_runtime.simulator.drive.crowd import Crowd, settings_for
from trading_runtime.simulator.drive.listing import listed
from trading_runtime.simulator.drive.pacing import Drive, Source
from trading_runtime.simulator.drive.recorded import Recorded
from trading_runtime.simulator.drive.tape import markets_of
from trading_runtime.simulator.exchange.exchange import HISTORY_MAX
from trading_runtime.simulator.exchange.words import MarketKind
from trading_runtime.simulator.faults.board import FaultBoard
from trading_runtime.simulator.server.control import PREFIX, Control
from trading_runtime.simulator.server.serve import Simulator
from trading_runtime.simulator.server.settings import Key, MarketSettings, SimulatorSettings
from trading_runtime.simulator.server.symbols import TRADER, WATCHDOG, default_spot, default_usdm

LISTEN_KEY_S = 3600.0
"""As published."""
MESSAGE_MAX = 1 << 20
SESSION_KEY = "tapedeckSessionKeyTapedeckSessionKeyTapedeckSessionKeyTapedeckSe"
"""Of the pair that may log a WebSocket API session on, which only Ed25519 keys may."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for on the command line; port 0 means any."""

    port: int
    tls_port: int | None
    seed: int
    generated: bool
    captures: tuple[Path, ...]
    history_max: int | None = None
    """None keeps what is kept by default."""
    ids_after: int = 0


def run(plan: Plan) -> int:
    """Serve until SIGTERM or SIGINT."""
    with (
        tempfile.TemporaryDirectory(prefix="tapedeck-simulator-") as folder,
        asyncio.Runner(loop_factory=new_event_loop) as runner,
    ):
        runner.run(serve(plan, Path(folder)))
    return 0


async def serve(plan: Plan, folder: Path) -> None:
    """Serve until told to stop; whatever fails in the background fails the process."""
    captured = markets_of(plan.captures)
    markets = {MarketKind.SPOT: default_spot(), MarketKind.USDM: default_usdm()}
    for market, paths in captured.items():
        markets[market] = listed(market, paths, markets[market])
    board = FaultBoard(plan.seed, mono_ns)
    simulator = Simulator(settings_of(plan, folder, markets), board)
    drive = Drive(simulator, sources_of(plan, simulator, captured), mono_ns)
    control = Control(simulator, lambda: counts_of(simulator), mono_ns)
    simulator.mount(PREFIX, control.answer)
    drive.arrive()
    started = await simulator.start()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    pair = {"session_key": SESSION_KEY, "session_private_pem": private_pem()}
    ready = msgspec.structs.asdict(started) | pair
    sys.stdout.write(msgspec.json.encode(ready, enc_hook=str).decode() + "\n")
    sys.stdout.flush()
    tasks = [asyncio.ensure_future(work) for work in (told.wait(), drive.run(), simulator.wait())]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    await simulator.stop()
    for task in done:
        task.result()


def settings_of(
    plan: Plan, folder: Path, markets: dict[MarketKind, MarketSettings]
) -> SimulatorSettings:
    def kept(market: MarketSettings) -> MarketSettings:
        history_max = plan.history_max or HISTORY_MAX
        return msgspec.structs.replace(market, history_max=history_max, ids_after=plan.ids_after)

    return SimulatorSettings(
        port=plan.port,
        tls_port=plan.tls_port,
        tls_folder=folder,
        keys=(TRADER, WATCHDOG, Key(key=SESSION_KEY, owner=TRADER.owner, public_pem=public_pem())),
        spot=kept(markets[MarketKind.SPOT]),
        usdm=kept(markets[MarketKind.USDM]),
        listen_key_s=LISTEN_KEY_S,
        message_max=MESSAGE_MAX,
    )


def session_private() -> Ed25519PrivateKey:
    """Give the same private key at every start, like the secrets of the other keys."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(SESSION_KEY.encode()).digest())


def private_pem() -> str:
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return session_private().private_bytes(*form).decode()


def public_pem() -> str:
    form = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return session_private().public_key().public_bytes(*form).decode()


def sources_of(
    plan: Plan, simulator: Simulator, captured: dict[MarketKind, list[Path]]
) -> dict[MarketKind, list[Source]]:
    """A market that captures were given of plays them, the others what is generated."""
    sources: dict[MarketKind, list[Source]] = {}
    for market in MarketKind:
        exchange = simulator.exchange(market)
        if market in captured:
            sources[market] = [Recorded(exchange, captured[market])]
        elif plan.generated:
            sources[market] = [
                Crowd(exchange, rules, settings_for(market, rules, plan.seed))
                for rules in exchange.symbols()
            ]
    return sources


def counts_of(simulator: Simulator) -> dict[str, int]:
    return {
        "orders": sum(venue.orders_placed for venue in simulator.venues.values()),
        "frames": simulator.connections.frames_sent,
    }
