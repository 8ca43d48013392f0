"""S3s that keep less than they say: each fault is one that a store of others was seen to have."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


class Faults(NamedTuple):
    overwrites: bool = False
    """Takes If-None-Match and writes all the same."""
    forgets_lock: bool = False
    """Takes the lock of a PUT and does not keep it."""
    deletes_locked: bool = False
    shortens: bool = False
    replaces_on_retention: bool = False
    """Takes PutObjectRetention for a PUT: the request becomes the object."""
    is_lockable: bool = True


class Stored(NamedTuple):
    body: bytes
    lock_until: str


class Answering(BaseHTTPRequestHandler):
    server: "CarelessS3"
    protocol_version = "HTTP/1.1"

    def parts(self) -> tuple[str, dict[str, list[str]]]:
        url = urlsplit(self.path)
        key = unquote(url.path).lstrip("/").partition("/")[2]
        self.server.requests.append(f"{self.command} {self.path}")
        return key, parse_qs(url.query, keep_blank_values=True)

    def do_PUT(self) -> None:
        key, query = self.parts()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "retention" in query:
            self.retain(key, body)
            return
        is_taken = self.headers.get("If-None-Match") and key in self.server.stored
        if is_taken and not self.server.faults.overwrites:
            self.fail(412, "PreconditionFailed")
            return
        until = self.headers.get("x-amz-object-lock-retain-until-date", "")
        self.server.stored[key] = Stored(body, "" if self.server.faults.forgets_lock else until)
        self.answer(200)

    def retain(self, key: str, body: bytes) -> None:
        found = self.server.stored[key]
        if self.server.faults.replaces_on_retention:
            self.server.stored[key] = Stored(body, found.lock_until)
            self.answer(200)
        elif self.server.faults.shortens:
            until = re.search(rb"<RetainUntilDate>(.*)</RetainUntilDate>", body)
            assert until is not None
            self.server.stored[key] = found._replace(lock_until=until[1].decode())
            self.answer(200)
        else:
            self.fail(403, "AccessDenied")

    def do_DELETE(self) -> None:
        key, _ = self.parts()
        if self.server.stored[key].lock_until and not self.server.faults.deletes_locked:
            self.fail(403, "AccessDenied")
            return
        del self.server.stored[key]
        self.answer(204)

    def do_GET(self) -> None:
        key, query = self.parts()
        if "object-lock" in query:
            self.configuration()
        elif "versions" in query:
            self.versions(query.get("prefix", [""])[0])
        elif key in self.server.stored:
            found = self.server.stored[key]
            self.answer(200, b"" if self.command == "HEAD" else found.body, found)
        else:
            self.fail(404, "NoSuchKey")

    do_HEAD = do_GET  # noqa: N815 -- the name that http.server calls

    def configuration(self) -> None:
        if not self.server.faults.is_lockable:
            self.fail(404, "ObjectLockConfigurationNotFoundError")
            return
        enabled = "<ObjectLockEnabled>Enabled</ObjectLockEnabled>"
        kind = "ObjectLockConfiguration"
        self.answer(200, f"<{kind} {NAMESPACE}>{enabled}</{kind}>".encode())

    def versions(self, prefix: str) -> None:
        listed = "".join(
            f"<Version><Key>{key}</Key><VersionId>null</VersionId><IsLatest>true</IsLatest>"
            f"<LastModified>2025-11-20T00:00:00.000Z</LastModified>"
            f"<ETag>e</ETag><Size>{len(it.body)}</Size></Version>"
            for key, it in sorted(self.server.stored.items())
            if key.startswith(prefix)
        )
        self.answer(
            200,
            f"<ListVersionsResult {NAMESPACE}><IsTruncated>false</IsTruncated>"
            f"{listed}</ListVersionsResult>".encode(),
        )

    def fail(self, status: int, code: str) -> None:
        said = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
        self.answer(status, said)

    def answer(self, status: int, body: bytes = b"", about: Stored | None = None) -> None:
        self.send_response_only(status)
        if about is not None and about.lock_until:
            self.send_header("x-amz-object-lock-mode", "COMPLIANCE")
            self.send_header("x-amz-object-lock-retain-until-date", about.lock_until)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class CarelessS3(ThreadingHTTPServer):
    """Any bucket, no authentication, one version a key; ``stored`` is what it holds."""

    def __init__(self, faults: Faults) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.faults = faults
        self.stored: dict[str, Stored] = {}
        self.requests: list[str] = []
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}"

    @contextmanager
    def open(self) -> Iterator["CarelessS3"]:
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            thread.join()
            self.server_close()
