"""HTTP calls to one base URL, each made once.

A call ends in an answer or in the reason why there is none; the network's faults are never raised.
``sent`` is False only where no connection was there to send by: looked up, refused, not trusted,
or not open within the connect time-out. In all other cases the venue may have acted on it.
"""

import ssl
from typing import NamedTuple

import aiohttp
from yarl import URL

from trading_runtime.gateway.settings import HttpSettings
from trading_runtime.gateway.signing import HttpCall

CHUNK_BYTES = 1 << 18
DNS_SECONDS = 60


class Answer(NamedTuple):
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class NoAnswer(NamedTuple):
    reason: str
    sent: bool


class Rest:
    """A pool of connections to one base URL; made and used within one running loop."""

    def __init__(self, base_url: str, settings: HttpSettings, trust: ssl.SSLContext) -> None:
        self._base_url = base_url
        self._settings = settings
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=trust,
                limit=settings.connections_max,
                keepalive_timeout=settings.idle_max_s,
                ttl_dns_cache=DNS_SECONDS,
            ),
            timeout=aiohttp.ClientTimeout(
                total=settings.total_timeout_s, connect=settings.connect_timeout_s
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        # It would send some calls a second time when a kept connection turns out to be closed, and
        # has no public switch for it; a test watches over this one.
        self._session._retry_connection = False  # noqa: SLF001

    async def ask(self, call: HttpCall) -> Answer | NoAnswer:
        """Make the call."""
        try:
            return await self._ask(call)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as fault:
            return NoAnswer(said(fault), sent=False)
        except (aiohttp.ClientError, TimeoutError, OSError) as fault:
            return NoAnswer(said(fault), sent=True)

    async def close(self) -> None:
        await self._session.close()

    async def _ask(self, call: HttpCall) -> Answer | NoAnswer:
        async with self._session.request(
            call.method,
            URL(self._base_url + call.target, encoded=True),  # signed as it stands
            headers=call.headers,
            data=call.body or None,
            allow_redirects=False,
        ) as response:
            headers = tuple(response.headers.items())
            body = bytearray()
            async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                body += chunk
                if len(body) > self._settings.answer_bytes_max:
                    response.close()
                    return NoAnswer("answer too big", sent=True)
            return Answer(response.status, headers, bytes(body))


def said(fault: Exception) -> str:
    """Name a fault without the address that may be in its text: a query can hold a secret."""
    if isinstance(fault, aiohttp.ClientConnectorError):
        return f"{type(fault).__name__}: {fault.os_error.strerror or type(fault.os_error).__name__}"
    return type(fault).__name__
