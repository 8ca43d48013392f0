"""A way to an HTTP server that fails as told: throttled, dead before, during or after an answer."""

import http.client
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BUSY = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
FAILED = b"<Error><Code>InternalError</Code><Message>We encountered an error.</Message></Error>"


class Trouble(Enum):
    NONE = auto()
    BUSY = auto()
    """503 SlowDown; the request does not arrive."""
    FAILED = auto()
    """500 InternalError; the request does not arrive."""
    DEAD_BEFORE = auto()
    """The connection ends; the request does not arrive."""
    DEAD_AFTER = auto()
    """The request arrives, the connection ends without an answer."""
    DEAD_WITHIN = auto()
    """The request arrives, the connection ends in the middle of the answer's body."""


class Passing(BaseHTTPRequestHandler):
    server: "FaultyWay"
    protocol_version = "HTTP/1.1"

    def pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        trouble = self.server.next_trouble()
        if trouble in {Trouble.BUSY, Trouble.FAILED}:
            status, said = (503, BUSY) if trouble is Trouble.BUSY else (500, FAILED)
            self.answer(status, [("Content-Type", "application/xml")], said, len(said))
            return
        self.close_connection = trouble is not Trouble.NONE
        if trouble is not Trouble.DEAD_BEFORE:
            self.relay(body, trouble)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = pass_on  # noqa: N815 -- the names that http.server calls

    def relay(self, body: bytes, trouble: Trouble) -> None:
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=60)
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in {"expect", "connection"}:
                upstream.putheader(name, value)
        upstream.endheaders(body)
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        if trouble is Trouble.DEAD_AFTER:
            return
        size = int(answer.headers.get("Content-Length", len(content)))
        if trouble is Trouble.DEAD_WITHIN:
            content = content[: len(content) // 2]
        self.answer(answer.status, answer.getheaders(), content, size)

    def answer(
        self, status: int, headers: Iterable[tuple[str, str]], body: bytes, size: int
    ) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class FaultyWay(ThreadingHTTPServer):
    """Passes requests on to a port; each takes the next trouble, none when all are used up."""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), Passing)
        self.upstream = port
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}"
        self._troubles: deque[Trouble] = deque()

    def fail(self, *troubles: Trouble) -> None:
        self._troubles.extend(troubles)

    def next_trouble(self) -> Trouble:
        return self._troubles.popleft() if self._troubles else Trouble.NONE

    @contextmanager
    def open(self) -> Iterator["FaultyWay"]:
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            thread.join()
            self.server_close()
