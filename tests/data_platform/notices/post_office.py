"""Real servers that notices are sent to: SMTP with STARTTLS and a login, and a bot's HTTP."""

import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.servers.ports import free_port

USER, PASSWORD = "desk", "correct horse"
TOKEN = "123:secret"  # noqa: S105 -- of a bot that is no one's
LOOPBACK = "127.0.0.1"


def certificate(folder: Path) -> Path:
    """Write key and certificate of ``localhost`` into one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(tz=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "localhost.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


class Letterbox:
    """Takes letters; ``replies`` are given to the next ones instead, as a busy server does."""

    def __init__(self) -> None:
        self.letters: list[bytes] = []
        self.replies: deque[str] = deque()
        self.tries = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 -- aiosmtpd's name
        del server, session
        self.tries += 1
        if self.replies:
            return self.replies.popleft()
        assert isinstance(envelope.content, bytes)
        self.letters.append(envelope.content)
        return "250 taken"


def is_known(
    server: SMTP, session: Session, envelope: Envelope, kind: str, data: object
) -> AuthResult:
    del server, session, envelope, kind
    assert isinstance(data, LoginPassword)
    known = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=known, handled=False)


@contextmanager
def smtp(box: Letterbox, pem: Path | None) -> Iterator[int]:
    """Serve on a free port: with STARTTLS and a login where there is a certificate, else plain."""
    context = None
    if pem is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pem)
    controller = Controller(
        box,
        hostname=LOOPBACK,
        port=free_port(),
        tls_context=context,
        require_starttls=context is not None,
        authenticator=is_known,
        auth_required=context is not None,
        ready_timeout=60.0,
    )
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


class Bot(BaseHTTPRequestHandler):
    server: "BotServer"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls.append((self.path, self.headers["Content-Type"], body))
        status, answer = 200, {"ok": True}
        if self.server.answers:
            status, answer = self.server.answers.popleft()
        content = msgspec.json.encode(answer)
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class BotServer(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), Bot)
        self.calls: list[tuple[str, str, bytes]] = []
        self.answers: deque[tuple[int, dict[str, object]]] = deque()

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.server_address[1]}"


@contextmanager
def telegram() -> Iterator[BotServer]:
    server = BotServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
