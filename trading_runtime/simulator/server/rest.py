"""REST: a route of its own for every method and path, and the venue's answer as JSON."""

import asyncio

import msgspec
from aiohttp import web

from trading_runtime.simulator.exchange.words import VenueError
from trading_runtime.simulator.faults.board import Answer, Close, Hang, Verdict
from trading_runtime.simulator.server.actions import Action
from trading_runtime.simulator.server.gate import Gate, Proof
from trading_runtime.simulator.server.parameters import Parameters, form_parameters
from trading_runtime.simulator.server.refusals import (
    NOT_FOUND_BODY,
    Throttled,
    error_body,
    status_of,
)
from trading_runtime.simulator.server.signing import without_signature

JSON = "application/json"
KEY_HEADER = "X-MBX-APIKEY"
WITH_BODY = frozenset({"POST", "PUT", "DELETE"})


class Rest:
    """Answers the requests of both markets."""

    def __init__(self, routes: dict[tuple[str, str], tuple[Gate, Action]]) -> None:
        self._routes = routes

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path, _, query = request.raw_path.partition("?")
        route = self._routes.get((request.method, path))
        if route is None:
            return web.Response(status=404, body=NOT_FOUND_BODY, content_type=JSON)
        gate, action = route
        body = ""
        if request.method in WITH_BODY:
            body = (await request.read()).decode("utf-8", "surrogateescape")
        name, kind = f"{request.method} {path}", gate.venue.kind
        board = gate.venue.board
        verdict = await board.on_request(name, kind)
        planned = await forced(request, verdict)
        if planned is not None:
            return planned
        made = respond(request, gate, action, query, body)
        planned = await forced(request, board.on_answer(name, kind))
        return made if planned is None else planned


async def forced(request: web.BaseRequest, verdict: Verdict) -> web.Response | None:
    """Do what a fault demands of a request: another answer, none, or a reset. None: go on."""
    match verdict:
        case Answer():
            return ordered_answer(verdict)
        case Close():
            if request.transport is not None:
                request.transport.abort()
            await asyncio.Event().wait()  # the loss of the connection cancels us
        case Hang():
            await asyncio.Event().wait()  # likewise, when the client gives up
        case _:
            pass
    return None


def ordered_answer(verdict: Answer) -> web.Response:
    """Make the answer that a fault orders: JSON with a code, else a web server's page."""
    headers = {}
    if verdict.retry_after_s is not None:
        headers["Retry-After"] = str(verdict.retry_after_s)
    if verdict.code is None:
        page = f"<html><body><h1>{verdict.status} {verdict.message}</h1></body></html>"
        return web.Response(
            status=verdict.status, text=page, content_type="text/html", headers=headers
        )
    body = msgspec.json.encode({"code": verdict.code, "msg": verdict.message})
    return web.Response(status=verdict.status, body=body, content_type=JSON, headers=headers)


def respond(
    request: web.BaseRequest, gate: Gate, action: Action, query: str, body: str
) -> web.Response:
    """Run the action and make its answer, with the limits used in the headers."""
    address = request.remote or ""
    status, headers, owner = 200, {}, None
    try:
        parameters = Parameters(form_parameters(query, body))
        proof = proof_of(request, query, body)
        answer, key = gate.perform(action, parameters, address, proof)
        owner = key.owner if key is not None and action.orders else None
        content = msgspec.json.encode(answer)
    except VenueError as refusal:
        status, content = status_of(refusal), error_body(refusal)
        if isinstance(refusal, Throttled):
            wait_ms = refusal.retry_ms - gate.now_ms()
            headers["Retry-After"] = str(max(1, -(-wait_ms // 1000)))
        if action.orders:
            known = gate.keys.find(request.headers.get(KEY_HEADER, ""))
            owner = known.owner if known is not None else None
    headers |= gate.venue.usage.headers(address, owner, gate.now_ms())
    return web.Response(status=status, body=content, content_type=JSON, headers=headers)


def proof_of(request: web.BaseRequest, query: str, body: str) -> Proof:
    """Take the signature out of the query string or the form; the rest is what was signed."""
    signed_query, signature = without_signature(query)
    signed_body, second = without_signature(body)
    key = request.headers.get(KEY_HEADER)
    return Proof(
        key, (signed_query + signed_body).encode("utf-8", "surrogateescape"), signature or second
    )


def routes(
    gate: Gate, table: dict[tuple[str, str], Action]
) -> dict[tuple[str, str], tuple[Gate, Action]]:
    """Give the routes of one market."""
    return {route: (gate, action) for route, action in table.items()}
