"""The WebSocket API: requests with an id, answered in the order in which they are done.

A session may log on once with an Ed25519 key and then leave key and signature out.
"""

import asyncio

import msgspec

from trading_runtime.simulator.exchange.words import MarketKind, VenueError
from trading_runtime.simulator.faults.board import Answer, Close, Hang, Pass, Verdict
from trading_runtime.simulator.server import actions_spot, actions_usdm, eager, reports_usdm
from trading_runtime.simulator.server.actions import Action
from trading_runtime.simulator.server.connections import Connection
from trading_runtime.simulator.server.gate import Gate, Proof
from trading_runtime.simulator.server.parameters import Parameters
from trading_runtime.simulator.server.refusals import Denied, Throttled, error_part, status_of
from trading_runtime.simulator.server.signing import ApiKey, sorted_payload

METHODS: dict[MarketKind, dict[str, Action]] = {
    MarketKind.SPOT: actions_spot.METHODS,
    MarketKind.USDM: actions_usdm.METHODS | reports_usdm.METHODS,
}
SESSION_WEIGHT = 2
BAD_JSON = (-1135, "Invalid JSON Request")
NO_ID = msgspec.Raw(b"null")


NO_PARAMS = msgspec.Raw(b"{}")


class Request(msgspec.Struct, frozen=True):
    """One request."""

    method: str
    id: msgspec.Raw = NO_ID
    params: msgspec.Raw = NO_PARAMS


DECODER = msgspec.json.Decoder(Request)
VALUES = msgspec.json.Decoder(dict[str, object])
TEXTS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class ApiSession:
    """One connection to the WebSocket API of one market."""

    def __init__(self, gate: Gate, connection: Connection, *, shows_limits: bool) -> None:
        self._gate = gate
        self._venue = gate.venue
        self._methods = METHODS[gate.venue.kind]
        self._connection = connection
        self._shows_limits = shows_limits
        self._key: ApiKey | None = None
        self._authorized_ms: int | None = None
        self._running: set[asyncio.Task[None]] = set()

    def on_message(self, text: bytes) -> None:
        """Answer one request, at once unless a fault makes it wait."""
        try:
            request = DECODER.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            refusal = VenueError(*BAD_JSON)
            self._say(NO_ID, 400, b"error", msgspec.json.encode(error_part(refusal)), b"")
            return
        eager.start(self._answer(request), self._running)

    def on_closed(self) -> None:
        """The connection is gone: so is what was still to be answered."""
        for task in tuple(self._running):
            task.cancel()
        if self._venue.kind is MarketKind.SPOT:
            self._venue.spot_desk.forget(self._connection)

    async def _answer(self, request: Request) -> None:
        route, board = f"WS {request.method}", self._venue.board
        verdict = await board.on_request(route, self._venue.kind)
        if not isinstance(verdict, Pass):
            self._force(request, verdict)
            return
        made = self._made(request)
        verdict = board.on_answer(route, self._venue.kind)
        if isinstance(verdict, Pass):
            self._say(request.id, *made)
        else:
            self._force(request, verdict)

    def _force(self, request: Request, verdict: Verdict) -> None:
        """Do what a fault demands: another answer, none, or a reset."""
        match verdict:
            case Answer():
                data = None
                if verdict.retry_after_s is not None:
                    now_ms = self._gate.now_ms()
                    data = {
                        "serverTime": now_ms,
                        "retryAfter": now_ms + verdict.retry_after_s * 1000,
                    }
                code = -1000 if verdict.code is None else verdict.code
                denied = Denied(code, verdict.message, verdict.status, data)
                body = msgspec.json.encode(error_part(denied))
                self._say(request.id, verdict.status, b"error", body, b"")
            case Close():
                self._connection.abort()
            case Hang() | Pass():
                pass

    def _made(self, request: Request) -> tuple[int, bytes, bytes, bytes]:
        """Run a request; give status, the part's name, its JSON and the limits."""
        owner = self._key.owner if self._key is not None else None
        shows, counted = self._shows_limits, False
        try:
            parameters = Parameters(plain(request.params))
            said = parameters.flag("returnRateLimits")
            shows = shows if said is None else said
            action = self._methods.get(request.method)
            counted = action is not None and action.orders
            if action is None:
                result = self._session(request.method, parameters)
            else:
                address = self._connection.address
                proof = proof_of(parameters)
                result, key = self._gate.perform(action, parameters, address, proof, self._key)
                owner = key.owner if key is not None else None
            status, name, body = 200, b"result", msgspec.json.encode(result)
        except VenueError as refusal:
            part = error_part(refusal)
            if isinstance(refusal, Throttled):
                part["data"] = {"serverTime": self._gate.now_ms(), "retryAfter": refusal.retry_ms}
            status, name, body = status_of(refusal), b"error", msgspec.json.encode(part)
        if not shows:
            return status, name, body, b""
        limits = self._venue.usage.blocks(
            self._connection.address, owner if counted else None, self._gate.now_ms()
        )
        return status, name, body, limits

    def _say(
        self, number: msgspec.Raw, status: int, name: bytes, body: bytes, limits: bytes
    ) -> None:
        tail = b',"rateLimits":' + limits if limits else b""
        self._connection.say(
            b'{"id":%b,"status":%d,"%b":%b%b}' % (bytes(number), status, name, body, tail)
        )

    def _session(self, method: str, parameters: Parameters) -> object:
        """Run what concerns this connection alone."""
        venue = self._venue
        venue.usage.charge(self._connection.address, SESSION_WEIGHT, self._gate.now_ms())
        if method.startswith("userDataStream.") and venue.kind is MarketKind.SPOT:
            return self._user_stream(method, parameters)
        match method:
            case "session.logon":
                self._log_on(parameters)
            case "session.status":
                pass
            case "session.logout":
                self._key = self._authorized_ms = None
                venue.spot_desk.end(self._connection, None, self._gate.now_ms())
            case "session.subscriptions":
                mine = venue.spot_desk.of(self._connection)
                return [{"subscriptionId": number} for number in mine]
            case _:
                raise VenueError(-1020, "This operation is not supported.")
        return self._status()

    def _log_on(self, parameters: Parameters) -> None:
        proof = proof_of(parameters)
        if proof is None:
            parameters.text("apiKey")
            return
        key = self._gate.identify(proof.key)
        if not key.may_log_on:
            raise Denied(-4056, "HMAC_SHA256 API key is not supported.", 400)
        self._key = self._gate.authenticate(proof, parameters)
        self._authorized_ms = self._gate.now_ms()

    def _status(self) -> dict[str, object]:
        status: dict[str, object] = {
            "apiKey": None if self._key is None else self._key.key,
            "authorizedSince": self._authorized_ms,
            "connectedSince": self._connection.opened_ms,
            "returnRateLimits": self._shows_limits,
            "serverTime": self._gate.now_ms(),
        }
        if self._venue.kind is MarketKind.SPOT:
            status["userDataStream"] = bool(self._venue.spot_desk.of(self._connection))
        return status

    def _user_stream(self, method: str, parameters: Parameters) -> object:
        desk, connection = self._venue.spot_desk, self._connection
        match method:
            case "userDataStream.subscribe":
                if self._key is None:
                    raise Denied(-2015, "Invalid API-key, IP, or permissions for action.", 401)
                key = self._key
            case "userDataStream.subscribe.signature":
                proof = proof_of(parameters) or Proof(None, b"", None)
                key = self._gate.authenticate(proof, parameters)
            case "userDataStream.unsubscribe":
                number = parameters.whole("subscriptionId")
                parameters.finish()
                if not desk.end(connection, number, self._gate.now_ms()) and number is not None:
                    raise VenueError(-2036, "User Data Stream subscription not active.")
                return {}
            case _:
                raise VenueError(-1020, "This operation is not supported.")
        parameters.finish()
        return {"subscriptionId": desk.subscribe(self._venue.account(key.owner), connection)}


def plain(params: msgspec.Raw) -> dict[str, str]:
    """Give each parameter's text: of a string its content, of anything else its JSON.

    It is this text that was signed: a number must stay as it was written.
    """
    try:
        values = VALUES.decode(params)
    except msgspec.DecodeError:
        raise VenueError(*BAD_JSON) from None
    found = {}
    for name, value in values.items():
        if isinstance(value, str):
            found[name] = value
        elif type(value) is int:
            found[name] = str(value)
        else:
            found[name] = bytes(TEXTS.decode(params)[name]).decode()
    return found


def proof_of(parameters: Parameters) -> Proof | None:
    """Give what a request shows of itself; None where it names no key."""
    sent = parameters.sent
    key = sent.get("apiKey")
    if key is None:
        return None
    return Proof(key, sorted_payload(sent), sent.get("signature"))
