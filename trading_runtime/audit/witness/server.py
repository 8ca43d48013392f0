"""The witness on HTTP: ``add-checkpoint`` and the monitors' ``checkpoint`` (C2SP tlog-witness).

A request is judged, stored and answered on the loop's own thread without a pause in between. That
is what makes a check and its store one step; a slow disk makes everybody wait, which is right.
"""

import asyncio
from typing import final

from aiohttp import web

from trading_runtime.audit.witness.request import BODY_BYTES_MAX
from trading_runtime.audit.witness.witness import Witness
from trading_runtime.clock import wall_ns
from trading_runtime.errors import Halt
from trading_runtime.records.units import NANOS_PER_SECOND

SHUTDOWN_S = 1.0
"""For answers under way; each takes one write of the disk."""


@final
class Server:
    """Owned by the loop that starts it."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness
        self._failure: OSError | None = None
        self.stopping = asyncio.Event()
        """Set it to end :meth:`serve`."""
        application = web.Application(client_max_size=BODY_BYTES_MAX)
        application.router.add_post("/add-checkpoint", self._add_checkpoint)
        application.router.add_get("/{origin_hash:[0-9a-f]{64}}/checkpoint", self._checkpoint)
        application.router.add_get("/health", self._health)
        application.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(
            application, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_S
        )

    async def start(self, host: str, port: int) -> int:
        """Listen, and say on which port; raises :exc:`OSError` where it is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        bound: int = self._runner.addresses[0][1]
        return bound

    async def serve(self) -> None:
        """Answer until ``stopping``.

        Raises:
            Halt: the disk failed, and with it what this witness remembers.
        """
        try:
            await self.stopping.wait()
        finally:
            await self._runner.cleanup()
        if self._failure is not None:
            raise Halt(f"the witness cannot remember: {self._failure}")

    async def _add_checkpoint(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self._failure is not None:
            raise web.HTTPInternalServerError
        try:
            answer = self._witness.add_checkpoint(body, wall_ns() // NANOS_PER_SECOND)
        except OSError as error:
            self._failure = error
            self.stopping.set()
            raise web.HTTPInternalServerError from error
        return web.Response(
            status=answer.status,
            body=answer.body,
            headers={"Content-Type": answer.content_type},
        )

    async def _checkpoint(self, request: web.Request) -> web.Response:
        shown = self._witness.shown(request.match_info["origin_hash"])
        if shown is None:
            raise web.HTTPNotFound
        return web.Response(body=shown, content_type="text/plain", charset="utf-8")

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(text=metrics(self._witness))


def metrics(witness: Witness) -> str:
    """Give the text that Prometheus reads."""
    sizes = [
        f'witness_size{{origin="{quoted(origin)}"}} {size}\n'
        for origin, size in sorted(witness.sizes().items())
    ]
    refused = [
        f'witness_refused_total{{status="{status}"}} {count}\n'
        for status, count in sorted(witness.refused.items())
    ]
    return "".join(
        (
            "# HELP witness_size Entries of the newest cosigned checkpoint.\n",
            "# TYPE witness_size gauge\n",
            *sizes,
            "# HELP witness_cosigned_total Checkpoints that were cosigned.\n",
            "# TYPE witness_cosigned_total counter\n",
            f"witness_cosigned_total {witness.cosigned}\n",
            "# HELP witness_refused_total Checkpoints that were refused, by HTTP status.\n",
            "# TYPE witness_refused_total counter\n",
            *refused,
        )
    )


def quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
