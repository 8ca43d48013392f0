"""A connection to NATS JetStream that holds the record safely, or says why it does not.

Rules:
 * A stream counts as durable with three replicas, or where its server syncs each write
   (``sync_interval: always``, read from the server's monitoring port). By itself it syncs every two
   minutes, and has answered for what is then lost when the power goes.
 * Deletion, purge and change of the stream are denied to us: ``deny_delete`` does not protect the
   stream itself, so this is asked of the server, with requests that it would refuse for their form.
   What it lets pass is our own right to destroy evidence, and we do not go on.
"""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import NamedTuple, TypeVar
from urllib.parse import quote

import aiohttp
import nats
from nats.aio.client import Client
from nats.aio.transport import TcpTransport
from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from trading_runtime.audit.streams.source import StreamDown
from trading_runtime.errors import Refused

STREAM = "AUDIT"
RECEIPTS = "AUDIT_RECEIPTS"
SUBMISSIONS_SUBJECT = "audit.submissions"
RECEIPTS_SUBJECT = "audit.receipts"
REPLICAS = 3
MONITOR_PORT = 8222
KEPT_S = 7 * 24 * 3600
"""Producers keep what has no receipt for longer than that."""
DEDUPE_S = 600.0
TIMEOUT_S = 5.0
CONNECT_S = 2.0
CLOSE_S = 1.0
_DENIED = ("DELETE", "PURGE", "UPDATE", "MSG.DELETE")
_MALFORMED = b"-"
"""No JSON, and not empty: the server refuses it before it does anything."""

Result = TypeVar("Result")


class Servers(NamedTuple):
    """Where JetStream is: ``nats://user:password@host:port`` of each server."""

    urls: tuple[str, ...]
    monitor_port: int = MONITOR_PORT


def token(name: str) -> str:
    """Write a producer id or boot as one part of a subject."""
    return quote(name, safe="").replace(".", "%2E")


class Link:
    """One connection, on an event loop in a thread of its own; called from one other thread."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="nats", daemon=True)
        self._thread.start()
        self._client: Client | None = None
        self._context: JetStreamContext | None = None
        self._violations: set[str] = set()
        self._connecting = asyncio.Lock()
        self._ending = False

    def call(self, coroutine: Coroutine[object, object, Result], timeout_s: float) -> Result:
        """Run ``coroutine`` on the loop and wait for it.

        Raises:
            StreamDown: the server does not answer, or says no.
            Refused: it is no safe place.
        """
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(timeout_s)
        except (Error, TimeoutError, OSError, aiohttp.ClientError) as fault:
            future.cancel()
            raise StreamDown(f"JetStream: {fault!r}") from fault

    def start(self, coroutine: Coroutine[object, object, None]) -> "Future[None]":
        """Run ``coroutine`` on the loop until it is cancelled or the link is closed."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    async def context(self) -> JetStreamContext:
        """Give a connection that is sure, a new one where the last is gone. Raises as :meth:`call`.

        The library would connect again by itself, to a server that nobody has looked at.
        """
        # Two at once would each make a connection, and one of them be forgotten.
        async with self._connecting:
            if self._ending:
                raise Error("the link is closed")
            known = self._client
            if known is not None and known.is_connected and self._context is not None:
                return self._context
            await self._shut()
            client = self._client = Client()
            connecting = client.connect(
                list(self._servers.urls), error_cb=self._on_error, allow_reconnect=False
            )
            await asyncio.wait_for(connecting, CONNECT_S)
            context = client.jetstream(timeout=TIMEOUT_S)
            await self._assure(client, context)
            self._context = context
            return context

    @property
    def payload_max(self) -> int:
        return 0 if self._client is None else self._client.max_payload

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _flush(self) -> None:
        # Where it is gone, what it did not hear of will come again.
        with suppress(Error, TimeoutError, OSError):
            if self._client is not None and self._client.is_connected:
                await self._client.flush(int(TIMEOUT_S))

    async def _shut(self) -> None:
        self._context = None
        # Which was perhaps ended before it had begun to connect; the library cannot close that.
        transport = None if self._client is None else self._client._transport  # noqa: SLF001 -- no other way
        if self._client is None or transport is None:
            return
        closing = asyncio.ensure_future(self._client.close())
        await asyncio.wait([closing], timeout=CLOSE_S)
        # The socket is open still where the server died with something under way to it: what closes
        # waits until all of that is sent.
        writer = transport._io_writer if isinstance(transport, TcpTransport) else None  # noqa: SLF001 -- likewise
        if writer is not None:
            writer.transport.abort()
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)

    async def _end(self) -> None:
        """End what runs, and then the connection: what runs would make it anew."""
        self._ending = True
        await self._flush()
        while rest := asyncio.all_tasks() - {asyncio.current_task()}:
            # More than once: a wait that is over just then takes a cancellation for its own.
            for left in rest:
                left.cancel()
            await asyncio.wait(rest, timeout=CLOSE_S)
        await self._shut()
        # And what the library opened and lost hold of, where it was cancelled just then.
        for transport in list(self._loop._transports.values()):  # type: ignore[attr-defined]  # noqa: SLF001 -- nobody else knows them
            transport.abort()
        await asyncio.sleep(0)

    async def _on_error(self, fault: Exception) -> None:
        self._violations.add(str(fault).lower())

    async def _assure(self, client: Client, context: JetStreamContext) -> None:
        config = (await context.stream_info(STREAM)).config
        if (config.num_replicas or 1) < REPLICAS and not await self._syncs(client):
            raise Refused(
                f"the stream {STREAM} has {config.num_replicas} replicas and its server does not "
                "sync each write: set sync_interval: always, or give it three replicas"
            )
        self._violations.clear()
        for kind in _DENIED:
            await self._assure_denied(client, f"$JS.API.STREAM.{kind}.{STREAM}")

    async def _syncs(self, client: Client) -> bool:
        server = client.connected_url
        if server is None:
            raise Error("not connected")
        url = f"http://{server.hostname}:{self._servers.monitor_port}/varz"
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as http, http.get(url) as response:
            body = await response.json()
        return body.get("jetstream", {}).get("config", {}).get("sync_always") is True

    async def _assure_denied(self, client: Client, subject: str) -> None:
        refusal = f'permissions violation for publish to "{subject.lower()}"'
        reply = asyncio.ensure_future(client.request(subject, _MALFORMED, timeout=TIMEOUT_S))
        try:
            while not any(refusal in violation for violation in self._violations):
                if reply.done():
                    reply.result()
                    raise Refused(
                        f"this user may publish to {subject}: deny it, or the record of {STREAM} "
                        "can be destroyed by those who keep it"
                    )
                await asyncio.wait([reply], timeout=0.01)
        finally:
            reply.cancel()
            await asyncio.gather(reply, return_exceptions=True)


async def create_streams(url: str, replicas: int, bytes_max: int = -1) -> None:
    """Make both streams; for an administrator, once. ``bytes_max`` of submissions: -1, no limit."""
    client = await nats.connect(url)
    try:
        context = client.jetstream()
        await context.add_stream(
            StreamConfig(
                name=STREAM,
                subjects=[f"{SUBMISSIONS_SUBJECT}.>"],
                retention=RetentionPolicy.LIMITS,
                # What is not taken yet never goes to make room: the producer has to wait.
                discard=DiscardPolicy.NEW,
                storage=StorageType.FILE,
                num_replicas=replicas,
                max_age=KEPT_S,
                max_bytes=bytes_max,
                duplicate_window=DEDUPE_S,
                deny_delete=True,
                deny_purge=True,
            )
        )
        await context.add_stream(
            StreamConfig(
                name=RECEIPTS,
                subjects=[f"{RECEIPTS_SUBJECT}.>"],
                storage=StorageType.FILE,
                num_replicas=replicas,
                max_msgs_per_subject=1,
                max_age=KEPT_S,
                allow_direct=True,
            )
        )
    finally:
        await client.close()
