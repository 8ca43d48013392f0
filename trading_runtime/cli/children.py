"""What a supervised child is: its command, how to see that it is ready, how long it may take."""

import asyncio
import contextlib
from asyncio import Event
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

POLL_S = 0.1
HTTP_WITHIN_S = 5.0
HTTP_OK = range(200, 400)
STATUS_LINE_PARTS = 3


class HttpReady(msgspec.Struct, frozen=True, kw_only=True):
    """Ready when a GET of ``url`` (plain HTTP) is answered with a status of 200 to 399."""

    url: str


class FileReady(msgspec.Struct, frozen=True, kw_only=True):
    """Ready when ``path`` appears, or is written anew where an earlier run left one."""

    path: Path


class LineReady(msgspec.Struct, frozen=True, kw_only=True):
    """Ready when the child prints a line with ``text`` in it."""

    text: str


class AtOnce(msgspec.Struct, frozen=True, kw_only=True):
    """Ready as soon as it has been started."""


Ready = HttpReady | FileReady | LineReady | AtOnce


class Child(msgspec.Struct, frozen=True, kw_only=True):
    """A process to keep alive."""

    name: str
    command: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    """Added to the environment that the supervisor has itself."""
    ready: Ready
    ready_within_s: float
    stop_within_s: float
    """From SIGTERM until it is killed."""
    shown: str
    """A regular expression: lines in which it is found are shown, the others only kept."""
    essential: bool = True
    """Without it the run ends. Any other child is tried again and again, and the run goes on."""
    resumes: bool = False
    """Its next life takes up what it was killed at: to kill it when all stops fails nothing."""


def lacks(ready: Ready) -> str:
    """Say what a child has not done that is not ready."""
    match ready:
        case HttpReady():
            return f"no good answer from {ready.url}"
        case FileReady():
            return f"no new file {ready.path}"
        case LineReady():
            return f"no line with {ready.text!r}"
        case AtOnce():
            return "not started"


async def answered(url: str) -> bool:
    """Say whether a GET of ``url`` is answered well; any failure to connect is a no."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    request = f"GET {target} HTTP/1.0\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(HTTP_WITHIN_S):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
            try:
                writer.write(request.encode())
                status = (await reader.readline()).split(maxsplit=STATUS_LINE_PARTS - 1)
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, ValueError):  # a time-out is an OSError; a line too long a ValueError
        return False
    return len(status) > 1 and status[1].isdigit() and int(status[1]) in HTTP_OK


def file_mark(path: Path) -> tuple[int, int] | None:
    """Give what changes when a file is written anew; None where there is none."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_mtime_ns


def waiter(ready: Ready, line_seen: Event) -> Callable[[], Awaitable[None]]:
    """Give what to await for readiness; call it before the child is started, to know old files."""
    if isinstance(ready, FileReady):
        path, before = ready.path, file_mark(ready.path)
        return lambda: until(lambda: marked(path, before))
    if isinstance(ready, HttpReady):
        url = ready.url
        return lambda: until(lambda: answered(url))
    if isinstance(ready, LineReady):
        return lambda: seen(line_seen)
    return at_once


async def at_once() -> None:
    pass


async def seen(event: Event) -> None:
    await event.wait()


async def marked(path: Path, before: tuple[int, int] | None) -> bool:
    mark = file_mark(path)
    return mark is not None and mark != before


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    while not await condition():  # noqa: ASYNC110 -- neither a file nor a server tells us
        await asyncio.sleep(POLL_S)
