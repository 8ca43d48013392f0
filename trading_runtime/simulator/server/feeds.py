"""Stream connections: what their path subscribes to, and the commands that come in on them."""

from urllib.parse import parse_qs, unquote

import msgspec

from trading_runtime.simulator.exchange.words import MarketKind
from trading_runtime.simulator.server.channels import Listener
from trading_runtime.simulator.server.connections import Connection
from trading_runtime.simulator.server.names import SERVED, Route, read_name
from trading_runtime.simulator.server.venue import Venue

STREAMS_MAX = 1024
"""Of one connection, as published."""
NO_ID = msgspec.Raw(b"null")
FUTURES = "/fstream"
"""The host of the usdm streams as a path, for clients that cannot tell its routes apart."""


class Path(msgspec.Struct, frozen=True):
    """What the path and query of a stream connection say."""

    market: MarketKind
    route: Route
    combined: bool
    streams: tuple[str, ...]
    wanted: frozenset[str] | None


def read_path(path: str, query: str) -> Path | None:
    """Take a stream connection's address apart; None where it is none."""
    route = Route.SPOT
    rest = path
    if rest == FUTURES or rest.startswith(f"{FUTURES}/"):
        route, rest = Route.PUBLIC, rest[len(FUTURES) :]
    for special in (Route.PUBLIC, Route.MARKET, Route.PRIVATE):
        prefix = f"/{special.value}"
        if rest.startswith(f"{prefix}/"):
            route, rest = special, rest[len(prefix) :]
    kind, _, names = rest.removeprefix("/").partition("/")
    if kind not in ("ws", "stream"):
        return None
    asked = parse_qs(query)
    streams = [unquote(name) for name in names.split("/") if name]
    streams += [name for text in asked.get("streams", ()) for name in text.split("/") if name]
    streams += asked.get("listenKey", ())
    events = [name for text in asked.get("events", ()) for name in text.split("/") if name]
    market = MarketKind.SPOT if route is Route.SPOT else MarketKind.USDM
    wanted = frozenset(events) if events else None
    return Path(market, route, kind == "stream", tuple(streams), wanted)


class Command(msgspec.Struct, frozen=True):
    """SUBSCRIBE and its like."""

    method: str
    params: list[str | bool] | None = None
    id: msgspec.Raw = NO_ID


DECODER = msgspec.json.Decoder(Command)


class Feed:
    """One stream connection."""

    def __init__(self, venue: Venue, connection: Connection, path: Path) -> None:
        self._venue = venue
        self._route = path.route
        self._listener = Listener(connection, path.wanted)
        connection.combined = path.combined
        for name in path.streams:
            self._join(name)

    def on_message(self, text: bytes) -> None:
        """Do one command and acknowledge it."""
        try:
            command = DECODER.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as broken:
            self._refuse(f"Invalid request: {broken}", NO_ID)
            return
        names = [name for name in command.params or () if isinstance(name, str)]
        result: object = None
        match command.method:
            case "SUBSCRIBE":
                if len(self._listener.names) + len(names) > STREAMS_MAX:
                    self._refuse("Invalid request: too many streams", command.id)
                    return
                for name in names:
                    self._join(name)
            case "UNSUBSCRIBE":
                for name in names:
                    self._leave(name)
            case "LIST_SUBSCRIPTIONS":
                result = list(self._listener.names)
            case "SET_PROPERTY" if command.params and command.params[0] == "combined":
                self._listener.connection.combined = command.params[-1] is True
            case "GET_PROPERTY":
                result = self._listener.connection.combined
            case _:
                self._refuse(f"Invalid request: unknown variant `{command.method}`", command.id)
                return
        self._say(b'{"result":%b,"id":%b}' % (msgspec.json.encode(result), bytes(command.id)))

    def on_closed(self) -> None:
        """The connection is gone."""
        for name in list(self._listener.names):
            self._leave(name)

    def _say(self, answer: bytes) -> None:
        self._listener.connection.say(answer)

    def _refuse(self, message: str, number: msgspec.Raw) -> None:
        error = msgspec.json.encode({"code": 2, "msg": message})
        self._say(b'{"error":%b,"id":%b}' % (error, bytes(number)))

    def _join(self, text: str) -> None:
        """Subscribe; what this route does not serve is acknowledged all the same."""
        venue, listener = self._venue, self._listener
        listener.names[text] = None
        if self._route is Route.PRIVATE:
            key = venue.usdm_desk.keys.find(text)
            if key is not None:
                key.audience.listeners[listener] = None
            return
        name = read_name(venue.kind, text)
        if name is not None and name.kind in SERVED[self._route]:
            venue.hub.join(text, listener, venue.clock.now_ms())

    def _leave(self, text: str) -> None:
        listener = self._listener
        if text not in listener.names:
            return
        del listener.names[text]
        if self._route is Route.PRIVATE:
            key = self._venue.usdm_desk.keys.find(text)
            if key is not None:
                key.audience.listeners.pop(listener, None)
        else:
            self._venue.hub.leave(text, listener)
