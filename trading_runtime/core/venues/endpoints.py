"""Where a venue is reached, and how its connections want to be treated: data for the gateway.

Addresses have no slash at their end. A market socket brings only some kinds of streams: asked for
others it acknowledges, and stays silent.
"""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from trading_runtime.core.venues.channel import Channel, StreamKind
from trading_runtime.core.venues.request import Signing
from trading_runtime.records.units import Nanos


class Environment(Enum):
    """Which of a venue's installations is meant."""

    PRODUCTION = "production"
    TESTNET = "testnet"
    DEMO = "demo"


class MarketSocket(NamedTuple):
    """A base address of streams; several streams are one connection."""

    url: str
    kinds: frozenset[StreamKind]


class MarketUrl(NamedTuple):
    """The address of one connection, and the channels that come over it."""

    url: str
    channels: tuple[str, ...]


class Endpoints(NamedTuple):
    """The addresses of one market of a venue in one environment."""

    http: str
    wallet: str
    """Where requests below ``WALLET`` go; empty where the environment has none of them."""
    market: tuple[MarketSocket, ...]
    orders: str
    """The socket of requests."""
    user: str
    """What the listen key is appended to; empty where events come over ``orders``."""

    def http_of(self, path: str) -> str:
        """Give the base address that a request's ``path`` stands below."""
        return self.wallet if path.startswith(WALLET) else self.http

    def market_urls(self, channels: Iterable[Channel]) -> tuple[MarketUrl, ...]:
        """Give the connections that ``channels`` need: each socket with those that it brings."""
        wanted = tuple(channels)
        urls: list[MarketUrl] = []
        for socket in self.market:
            names = tuple(channel.name for channel in wanted if channel.kind in socket.kinds)
            if names:
                urls.append(MarketUrl(f"{socket.url}/stream?streams={'/'.join(names)}", names))
        return tuple(urls)

    def user_url(self, listen_key: str) -> str:
        return self.user + listen_key


WALLET = "/sapi/"
"""How the paths begin that belong to the account as a whole and not to one market."""


class Layout(NamedTuple):
    """Paths below one base address, as a simulator serves them on one port."""

    market: tuple[MarketSocket, ...]
    orders: str
    user: str

    def at(self, base: str) -> Endpoints:
        """Give the addresses below ``base``, such as ``http://127.0.0.1:8080``."""
        http = base.rstrip("/")
        socket = "ws" + http.removeprefix("http")
        return Endpoints(
            http=http,
            wallet=http,
            market=tuple(each._replace(url=socket + each.url) for each in self.market),
            orders=socket + self.orders,
            user=socket + self.user if self.user else "",
        )


class Wiring(NamedTuple):
    """How connections and keys of a venue are kept; spans are nanoseconds."""

    signing: Signing
    account_on_orders: bool
    """What happens to the account comes over ``orders``, once ``requests.subscribe`` is answered;
    else over a connection of its own, under a listen key."""
    listen_key_keep_ns: Nanos
    """So often the listen key has to be kept alive; 0 where there is none."""
    connection_life_ns: Nanos
    """The venue cuts every connection at this age."""
    server_ping_ns: Nanos
    """The venue pings so often: nothing heard for some of these means a dead line."""
    messages_per_second: int
    """Sent on one stream connection; one more and the venue cuts it."""
    connects_max: int
    """Attempts within ``connects_window_ns``, for all connections of an address."""
    connects_window_ns: Nanos
    has_dead_man: bool
    """Whether the venue cancels by itself what is not confirmed (``ArmDeadMan``)."""
