"""How the venue says no: a code, a message, the HTTP status and sometimes more."""

import msgspec

from trading_runtime.simulator.exchange.words import VenueError

UNAUTHORIZED = frozenset({-1002, -2014, -2015})
TOO_MANY = -1015
NOT_FOUND_BODY = b'{"code":-1000,"msg":"no such endpoint"}'


class Denied(VenueError):
    """A refusal whose status is not that of its code, or that carries ``data``."""

    def __init__(self, code: int, message: str, status: int, data: object = None) -> None:
        super().__init__(code, message)
        self.status = status
        self.data = data


class Throttled(Denied):
    """Over a limit: 429, or 418 for a banned address; ``retry_ms`` is when to come back."""

    def __init__(self, code: int, message: str, status: int, retry_ms: int) -> None:
        super().__init__(code, message, status)
        self.retry_ms = retry_ms


def status_of(refusal: VenueError) -> int:
    """Give the HTTP status of a refusal."""
    if isinstance(refusal, Denied):
        return refusal.status
    if refusal.code in UNAUTHORIZED:
        return 401
    return 429 if refusal.code == TOO_MANY else 400


def error_part(refusal: VenueError) -> dict[str, object]:
    """Give the refusal as ``{"code", "msg"}``, with its ``data`` where it has some."""
    part: dict[str, object] = {"code": refusal.code, "msg": refusal.message}
    if isinstance(refusal, Denied) and refusal.data is not None:
        part["data"] = refusal.data
    return part


def error_body(refusal: VenueError) -> bytes:
    """Encode the refusal as a REST answer."""
    return msgspec.json.encode(error_part(refusal))
