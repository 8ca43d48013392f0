"""What every request must pass before it is run: limits, key, time, signature.

In this order, as the venue does: an address over its limit is not even asked who it is.
"""

from trading_runtime.records.units import NANOS_PER_MILLI
from trading_runtime.simulator.exchange.words import AccountNumber, VenueError
from trading_runtime.simulator.server.actions import Action, Call, Security
from trading_runtime.simulator.server.parameters import DECIMAL, DIGITS, Parameters
from trading_runtime.simulator.server.refusals import Denied
from trading_runtime.simulator.server.signing import ApiKey, Keyring, timely, timestamp_us
from trading_runtime.simulator.server.venue import Venue

WINDOW_MS = 5000
WINDOW_MAX_MS = 60_000
NOBODY = AccountNumber(0)


class Proof:
    """What a request shows of itself: the key's text, what was signed, and the signature."""

    __slots__ = ("key", "payload", "signature")

    def __init__(self, key: str | None, payload: bytes, signature: str | None) -> None:
        self.key = key
        self.payload = payload
        self.signature = signature


class Gate:
    """Of one market; the keys are those of the whole venue."""

    def __init__(self, venue: Venue, keys: Keyring) -> None:
        self.venue = venue
        self.keys = keys

    def identify(self, key: str | None) -> ApiKey:
        """Give the key that a request names."""
        if not key:
            raise Denied(-2014, "API-key format invalid.", 401)
        known = self.keys.find(key)
        if known is None:
            raise Denied(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return known

    def authenticate(self, proof: Proof, parameters: Parameters) -> ApiKey:
        """Give the key that signed a request; refuse when it did not, or not in time."""
        key = self.identify(proof.key)
        self.on_time(parameters)
        if not proof.signature:
            parameters.text("signature")
        if not key.signed(proof.payload, proof.signature or ""):
            raise VenueError(-1022, "Signature for this request is not valid.")
        return key

    def on_time(self, parameters: Parameters) -> None:
        """Refuse a request that is too old or from the future (-1021)."""
        sent = parameters.number("timestamp", DIGITS)
        window = parameters.matching("recvWindow", DECIMAL)
        window_ms = WINDOW_MS if window is None else float(window)
        if window_ms > WINDOW_MAX_MS:
            raise VenueError(-1131, "recvWindow must be less than 60000.")
        server_us = self.venue.clock.now_ns() // 1000
        fault = timely(timestamp_us(sent), int(window_ms * 1000), server_us)
        if fault is not None:
            raise VenueError(-1021, fault)

    def perform(
        self,
        action: Action,
        parameters: Parameters,
        address: str,
        proof: Proof | None,
        session: ApiKey | None = None,
    ) -> tuple[object, ApiKey | None]:
        """Run an action; give its answer and the key it was run for.

        ``session`` is the key of a connection that has logged on: without a ``proof`` it acts.
        """
        venue = self.venue
        weight = action.weigh(parameters) if action.weigh is not None else action.weight
        venue.usage.charge(address, weight, venue.clock.now_ms())
        key = self._key(action, parameters, proof, session)
        owner = key.owner if key is not None else ""
        account = venue.account(owner) if key is not None else NOBODY
        call = Call(venue, parameters, owner, account, venue.clock.now_ns())
        try:
            answer = action.run(call)
            parameters.finish()
        finally:
            venue.publish()
        if action.free:
            venue.usage.refund(address, weight)
        return answer, key

    def _key(
        self,
        action: Action,
        parameters: Parameters,
        proof: Proof | None,
        session: ApiKey | None,
    ) -> ApiKey | None:
        if action.security is Security.OPEN:
            return None
        if proof is None and session is not None:
            if action.security is Security.SIGNED:
                self.on_time(parameters)
            return session
        shown = proof if proof is not None else Proof(None, b"", None)
        if action.security is Security.KEY:
            return self.identify(shown.key)
        return self.authenticate(shown, parameters)

    def now_ms(self) -> int:
        return self.venue.clock.now_ns() // NANOS_PER_MILLI
