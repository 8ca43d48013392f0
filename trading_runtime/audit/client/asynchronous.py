"""The audit record for a service that runs on an event loop; the same threads do the work."""

import asyncio

from trading_runtime.audit.client.client import CRITICAL_S, Act, AuditClient
from trading_runtime.audit.client.segments import NotDurable


class AsyncAuditClient:
    """Of one event loop; see :class:`AuditClient` for what it promises."""

    def __init__(self, client: AuditClient) -> None:
        self._client = client

    def emit(self, act: Act) -> None:
        """Record ``act`` as it is now; never wait. Raises as :meth:`AuditClient.emit`."""
        self._client.emit(act)

    async def critical(self, act: Act, deadline_s: float = CRITICAL_S) -> None:
        """Record ``act``; return when it is on the disk. Raises as :meth:`AuditClient.critical`."""
        promise = asyncio.wrap_future(self._client.promise(act))
        try:
            await asyncio.wait_for(asyncio.shield(promise), deadline_s)
        except TimeoutError:
            disk = self._client.figures().disk
            raise NotDurable(f"not on the disk after {deadline_s} s: {disk}") from None

    async def close(self) -> None:
        """Do what :meth:`AuditClient.close` does, without holding up the loop."""
        await asyncio.to_thread(self._client.close)
