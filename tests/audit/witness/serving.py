"""A witness on a socket: in a thread of the test, or as the process that it is."""

import asyncio
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from trading_runtime.audit.witness.server import Server
from trading_runtime.audit.witness.witness import Witness
from trading_runtime.errors import Halt

HOST = "127.0.0.1"
WITHIN_S = 180.0
COMMAND = (sys.executable, "-m", "trading_runtime.cli.main", "witness")


class Got(NamedTuple):
    status: int
    kind: str
    body: bytes


def ask(url: str, body: bytes | None = None) -> Got:
    """POST ``body``, or GET where there is none."""
    request = urllib.request.Request(url, data=body)  # noqa: S310 -- our own loopback
    try:
        with urllib.request.urlopen(request, timeout=WITHIN_S) as answer:  # noqa: S310 -- likewise
            return Got(answer.status, answer.headers.get_content_type(), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Got(error.code, error.headers.get_content_type(), error.read())


def add(url: str, body: bytes) -> Got:
    return ask(f"{url}/add-checkpoint", body)


@contextmanager
def serving(witness: Witness, port: int = 0) -> Iterator[str]:
    """Give the URL of a witness that answers in a thread; a failure of it is raised at the end."""
    ready = threading.Event()
    url: list[str] = []
    stops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    faults: list[Halt] = []

    async def serve() -> None:
        server = Server(witness)
        bound = await server.start(HOST, port)
        url.append(f"http://{HOST}:{bound}")
        stops.append((asyncio.get_running_loop(), server.stopping))
        ready.set()
        try:
            await server.serve()
        except Halt as halt:
            faults.append(halt)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(WITHIN_S)
        yield url[0]
    finally:
        loop, stop = stops[0]
        if thread.is_alive():
            loop.call_soon_threadsafe(stop.set)
        thread.join(WITHIN_S)
        witness.close()
    if faults:
        raise faults[0]


class Process:
    """``tapedeck witness`` itself, on a port that it chose; perhaps under ``strace``."""

    def __init__(self, data: Path, *words: str, before: Sequence[str] = ()) -> None:
        self._process = subprocess.Popen(
            [*before, *COMMAND, "--data", str(data), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        self.url = ""
        self.said: list[str] = []
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line.rstrip("\n"))
            if line == "ready\n":
                break
            if " on http://" in line:
                self.url = line.split()[-1]

    @property
    def pid(self) -> int:
        return self._process.pid

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def next_line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")

    def end(self, number: int | None = None) -> tuple[int, str]:
        """Send ``number``, if any, and give the exit code and what it said on standard error."""
        if number is not None:
            self._process.send_signal(number)
        _, errors = self._process.communicate(timeout=WITHIN_S)
        return self._process.returncode, errors
