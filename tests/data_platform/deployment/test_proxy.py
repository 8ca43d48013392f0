"""The proxy before Dagster, which has no login: nobody passes without a name and password."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import encode_basic_auth, web

from tests.servers.nats import free_port

ROOT = Path(__file__).parents[3]
CONFIGURATION = ROOT / "infra" / "proxy" / "nginx.conf"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")
NAME, PASSWORD = "ada", "a long password"
KNOWN = {"Authorization": encode_basic_auth(NAME, PASSWORD)}
WITHIN_S = 20.0


def run(*words: str, given: str = "") -> str:
    ran = subprocess.run(words, input=given, capture_output=True, text=True, check=True, timeout=60)
    return ran.stdout


def configured(folder: Path, port: int, behind: int) -> Path:
    """Write the configuration as it is shipped, with folders and ports of the test's own."""
    text = CONFIGURATION.read_text()
    for shipped, own in (
        ("/run/tapedeck-proxy", folder),
        ("/var/log/tapedeck-proxy", folder),
        ("/var/lib/tapedeck-proxy", folder),
        ("/etc/tapedeck", folder),
        ("127.0.0.1:3000", f"127.0.0.1:{behind}"),
        ("listen 8443", f"listen 127.0.0.1:{port}"),
    ):
        assert shipped in text
        text = text.replace(shipped, str(own))
    path = folder / "nginx.conf"
    path.write_text("user root;\n" + text)
    subject = ("-subj", "/CN=localhost", "-days", "2", "-newkey", "rsa:2048")
    files = ("-keyout", str(folder / "proxy.key"), "-out", str(folder / "proxy.crt"))
    run("openssl", "req", "-x509", "-nodes", *subject, *files)
    hashed = run("openssl", "passwd", "-6", "-stdin", given=PASSWORD)
    (folder / "dagster.users").write_text(f"{NAME}:{hashed}")
    return path


async def page(request: web.Request) -> web.StreamResponse:
    """Say who came; speak over a WebSocket where one is asked for."""
    if request.headers.get("Upgrade", "").lower() == "websocket":
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str("live")
        await socket.close()
        return socket
    told = {name: request.headers.get(name) for name in ("X-Forwarded-User", "Authorization")}
    return web.json_response(told)


@asynccontextmanager
async def standing(folder: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """Start a page and the proxy before it; give a client of the proxy."""
    application = web.Application()
    application.router.add_get("/{path:.*}", page)
    runner = web.AppRunner(application)
    await runner.setup()
    behind, port = free_port(), free_port()
    await web.TCPSite(runner, "127.0.0.1", behind).start()
    configuration = configured(folder, port, behind)
    words = ("-c", str(configuration), "-g", "daemon off;")
    proxy = await asyncio.create_subprocess_exec(str(NGINX), *words)
    trusted = ssl.create_default_context(cafile=str(folder / "proxy.crt"))
    connector = aiohttp.TCPConnector(ssl=trusted)
    try:
        async with aiohttp.ClientSession(
            f"https://localhost:{port}", connector=connector
        ) as client:
            await listening(client)
            yield client
    finally:
        proxy.terminate()
        await proxy.wait()
        await runner.cleanup()


async def listening(client: aiohttp.ClientSession) -> None:
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                async with client.get("/", headers=KNOWN):
                    return
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.05)


@pytest.fixture
def through(tmp_path: Path) -> Callable[..., None]:
    if NGINX is None:
        pytest.skip("no nginx here: install nginx-light")

    def act(deed: Callable[[aiohttp.ClientSession], object]) -> None:
        async def doing() -> None:
            async with standing(tmp_path) as client:
                await deed(client)  # type: ignore[misc]

        asyncio.run(doing())

    return act


def test_who_is_known_passes_and_is_named_and_keeps_the_password_to_the_proxy(
    through: Callable[..., None],
) -> None:
    async def deed(client: aiohttp.ClientSession) -> None:
        async with client.get("/runs", headers=KNOWN) as answer:
            assert await answer.json() == {"X-Forwarded-User": "ada", "Authorization": None}
        async with client.ws_connect("/graphql", headers=KNOWN) as socket:
            assert await socket.receive_str() == "live"

    through(deed)


def test_who_is_not_known_does_not_pass_and_is_slowed_down(through: Callable[..., None]) -> None:
    async def deed(client: aiohttp.ClientSession) -> None:
        async with client.get("/graphql") as answer:
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"].startswith("Basic")
        async with client.get("/", headers={"X-Forwarded-User": "ada"}) as answer:
            assert answer.status == 401
        seen = set()
        for number in range(40):
            guess = {"Authorization": encode_basic_auth(NAME, f"guess {number}")}
            async with client.get("/", headers=guess) as answer:
                seen.add(answer.status)
        assert seen == {401, 429}
        async with client.get("/", headers=KNOWN) as answer:
            assert answer.status == 200

    through(deed)
