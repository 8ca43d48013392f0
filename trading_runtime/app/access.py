"""A session's way into its venue: addresses, key, signatures, HTTP; what must not be recorded."""

import os
import ssl
from pathlib import Path

from trading_runtime.config import VenueSettings
from trading_runtime.core.venues.endpoints import Endpoints, Environment
from trading_runtime.core.venues.registry import Venue
from trading_runtime.core.venues.request import Request
from trading_runtime.errors import Refused
from trading_runtime.gateway.keys import (
    ApiKey,
    KeyKind,
    fingerprint,
    installation_salt,
    key_from_environment,
    key_from_file,
)
from trading_runtime.gateway.redaction import Redactor
from trading_runtime.gateway.rest import Answer, NoAnswer, Rest
from trading_runtime.gateway.settings import HttpSettings
from trading_runtime.gateway.signing import Signer
from trading_runtime.gateway.trust import trust
from trading_runtime.records.units import NANOS_PER_SECOND

ENVIRONMENT_PREFIX = "TAPEDECK"
SECRET_FIELDS = ("listenKey", "apiKey", "signature")
SALT = Path("run") / "salt"
NO_KEY = ApiKey("none", "none", KeyKind.HMAC)
"""Stands for a key where nothing is asked that needs one: market data is public."""
RECORDED_HEADERS = ("retry-after", "x-")
"""How the names of headers begin that say something of limits; the rest is transport."""


def endpoints_of(venue: Venue, settings: VenueSettings) -> Endpoints:
    """Give the addresses that the settings mean."""
    if settings.environment == "simulator":
        if not settings.url:
            raise Refused(
                "no simulator is named: start one (tapedeck simulator) and give --venue-url,"
                " or url in [venue]"
            )
        return venue.layout.at(settings.url)
    return venue.endpoints[Environment(settings.environment)]


def find_key(settings: VenueSettings) -> ApiKey:
    """Take the key from the named file, or from the environment.

    Raises:
        Refused: there is none, or it may be read by others.
    """
    if settings.keys:
        return key_from_file(Path(settings.keys))
    key = key_from_environment(os.environ, ENVIRONMENT_PREFIX)  # noqa: TID251 -- where keys live
    if key is None:
        raise Refused(
            f"no API key: set {ENVIRONMENT_PREFIX}_KEY and {ENVIRONMENT_PREFIX}_SECRET, or name"
            " a file of mode 0600 with key and secret as keys in [venue] or with --keys"
        )
    return key


class Access:
    """To one venue with one key; made within the running loop that it is used in."""

    def __init__(
        self, venue: Venue, settings: VenueSettings, key: ApiKey | None, data: Path
    ) -> None:
        salt = installation_salt(data / SALT)
        self.endpoints = endpoints_of(venue, settings)
        self.trusted: ssl.SSLContext = trust(Path(settings.ca_file) if settings.ca_file else None)
        self.redactor = Redactor(SECRET_FIELDS, salt)
        self.fingerprint = fingerprint(key.key, salt) if key is not None else ""
        """What stands for the key in the record; empty without one."""
        self.signer = Signer(key or NO_KEY, venue.wiring.signing)
        http = HttpSettings(total_timeout_s=settings.answer_timeout_ns / NANOS_PER_SECOND)
        bases = {self.endpoints.http, self.endpoints.wallet} - {""}
        self._rest = {base: Rest(base, http, self.trusted) for base in sorted(bases)}
        if key is not None:
            self.redactor.know(key.key)
            self.redactor.know(key.secret)

    async def ask(self, request: Request) -> Answer | NoAnswer:
        """Make one HTTP request; the answer is what may be recorded of it."""
        base = self.endpoints.http_of(request.path)
        if not base:
            return NoAnswer("this environment has no such address", sent=False)
        answer = await self._rest[base].ask(self.signer.call(request))
        if isinstance(answer, NoAnswer):
            return answer
        headers = tuple(
            (str(name), value)
            for name, value in answer.headers
            if name.lower().startswith(RECORDED_HEADERS)
        )
        return Answer(answer.status, headers, answer.body)

    async def close(self) -> None:
        for rest in self._rest.values():
            await rest.close()
