"""Where a person reaches a running session: a socket of the file system, one JSON line a command.

Rules:
 * ``run/runtime.sock`` is for the user that the runtime runs as (mode 0600). Who asks is told by
   the kernel; a name given besides stands beside that one, never for it.
 * A command is answered when its input has been handed over to the journal, not before.
 * A line that says nothing known is answered with one error and changes nothing. A line that is
   too long ends its connection, because where the next one begins is not known.
 * ``resume`` also forgives the watchdog's firing, after the command has been recorded.
"""

import asyncio
import os
import pwd
import socket
import struct
import tempfile
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, final

import msgspec

from trading_runtime.errors import Refused
from trading_runtime.records.inputs import Action, OperatorCommanded, ParametersActivated

SOCKET = Path("run") / "runtime.sock"
LINE_BYTES_MAX = 64 << 10
"""Many times the parameters of any strategy."""
VISITORS_MAX = 16
"""Persons and their consoles; more is a script gone wild."""
SILENCE_S = 60.0
"""A visitor that says nothing for so long is shown out."""
ANSWER_WITHIN_S = 10.0
PEER = struct.Struct("3i")
"""``struct ucred``: process, user, group."""

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=1000, pattern=r"\S")]
Name = Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[^\x00-\x1f]*$")]


class _Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", forbid_unknown_fields=True):
    """The root of what a line may be; ``do`` says which."""


class Command(_Line, frozen=True, kw_only=True, tag="command"):
    action: Action
    reason: Text
    user: Name = ""


class Parameters(_Line, frozen=True, kw_only=True, tag="parameters"):
    """New parameters of one instrument's strategy, in the strategy's own schema."""

    instrument_id: Text
    parameters: msgspec.Raw
    user: Name = ""


class StatusAsked(_Line, frozen=True, kw_only=True, tag="status"):
    """Changes nothing and is not recorded."""


Line = Command | Parameters | StatusAsked
Commanded = OperatorCommanded | ParametersActivated
OnCommand = Callable[[Commanded], str]
"""Record it, step, hand over; then say why it is refused, or nothing."""


class MarketStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One instrument; ``position`` is decimal text in the base asset."""

    instrument_id: str
    held: str
    """Why it does not quote; empty when it does."""
    open_orders: int
    unknown_orders: int
    position: str


class ConnectionStatus(msgspec.Struct, frozen=True, kw_only=True):
    venue: str
    purpose: str
    up: bool


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What a session says of itself."""

    session: str
    mode: str
    latched: str
    """Why a PanicStop is latched; empty when none is."""
    watchdog: str
    """Why the watchdog has fired and is not forgiven; empty when it has not."""
    lease: str
    """Why nothing may be sent; empty when it may."""
    markets: tuple[MarketStatus, ...]
    connections: tuple[ConnectionStatus, ...]


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``error`` is empty where the line was taken."""

    ok: bool
    error: str = ""
    status: Status | None = None


_line_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)
_answer_decoder = msgspec.json.Decoder(Answer)


@final
class Doorway:
    """Lives in the session's loop; each line is answered within one turn of it."""

    def __init__(
        self,
        data: Path,
        on_command: OnCommand,
        status: Callable[[], Status],
        forgive_watchdog: Callable[[], None],
    ) -> None:
        self._path = data / SOCKET
        self._on_command = on_command
        self._status = status
        self._forgive_watchdog = forgive_watchdog
        self._server: asyncio.Server | None = None
        self._visitors: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen; whoever listened here before is taken for dead, as the lease says."""
        listening = _listen(self._path)
        self._server = await asyncio.start_unix_server(
            self._visit, sock=listening, limit=LINE_BYTES_MAX
        )

    async def close(self) -> None:
        """Stop listening and show everybody out; answers under way are sent first."""
        if self._server is None:
            return
        self._path.unlink(missing_ok=True)
        self._server.close()
        for visitor in tuple(self._visitors):
            visitor.cancel()
        await asyncio.gather(*self._visitors, return_exceptions=True)
        self._server = None

    async def _visit(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._visitors) >= VISITORS_MAX:
            writer.close()
            return
        self._visitors.add(task)
        try:
            await self._talk(reader, writer)
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            pass  # gone, silent, or shown out: nothing is owed to them
        finally:
            self._visitors.discard(task)
            writer.close()

    async def _talk(self, reader: StreamReader, writer: StreamWriter) -> None:
        login = _login(writer)
        while True:
            try:
                async with asyncio.timeout(SILENCE_S):
                    line = await reader.readuntil(b"\n")
            except asyncio.IncompleteReadError:
                return
            except asyncio.LimitOverrunError:
                error = f"a line is at most {LINE_BYTES_MAX} bytes"
                writer.write(_encoded(Answer(ok=False, error=error)))
                return
            writer.write(_encoded(self._answer(line, login)))
            async with asyncio.timeout(SILENCE_S):
                await writer.drain()

    def _answer(self, text: bytes, login: str) -> Answer:
        try:
            line = _line_decoder.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return Answer(ok=False, error=f"not understood: {error}")
        match line:
            case StatusAsked():
                return Answer(ok=True, status=self._status())
            case Command():
                return self._command(line, login)
            case Parameters():
                body = ParametersActivated(
                    instrument_id=line.instrument_id,
                    parameters=bytes(line.parameters),
                    user=_named(login, line.user),
                )
                return _answered(self._on_command(body))

    def _command(self, line: Command, login: str) -> Answer:
        user = _named(login, line.user)
        answer = _answered(
            self._on_command(OperatorCommanded(action=line.action, user=user, reason=line.reason))
        )
        if answer.ok and line.action is Action.RESUME:
            try:
                self._forgive_watchdog()
            except OSError as error:
                return Answer(ok=False, error=f"resumed, but the watchdog is not forgiven: {error}")
        return answer


def ask(data: Path, line: Line) -> Answer:
    """Say one line to the runtime of ``data`` and give its answer; blocks.

    Raises:
        Refused: no runtime listens, or it does not answer.
    """
    path = data / SOCKET
    try:
        with socket.socket(socket.AF_UNIX) as door, _short(path) as name:
            door.settimeout(ANSWER_WITHIN_S)
            door.connect(name)
            door.sendall(_encoded(line))
            with door.makefile("rb") as answers:
                answer = answers.readline()
    except (FileNotFoundError, ConnectionRefusedError):
        raise Refused(f"no runtime is running on {data}") from None
    except PermissionError:
        raise Refused(f"{path} belongs to another user") from None
    except TimeoutError:
        raise Refused(f"the runtime does not answer within {ANSWER_WITHIN_S:g} s") from None
    except ConnectionError as error:
        raise Refused(f"the runtime has hung up: {error.strerror}") from error
    if not answer:
        raise Refused("the runtime has hung up without an answer")
    return _answer_decoder.decode(answer)


def _encoded(line: Line | Answer) -> bytes:
    return msgspec.json.encode(line) + b"\n"


def _answered(refusal: str) -> Answer:
    return Answer(ok=not refusal, error=refusal)


def _login(writer: StreamWriter) -> str:
    """Give the name of the user at the other end, as the kernel knows it."""
    door = writer.get_extra_info("socket")
    user = PEER.unpack(door.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size))[1]
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"uid {user}"


def _named(login: str, given: str) -> str:
    return f"{login} ({given.strip()})" if given.strip() not in {"", login} else login


def _listen(path: Path) -> socket.socket:
    """Bind in a folder that nobody else can enter, and move the name into its place.

    So it is never there with another mode, and one that a crash left is replaced in one step.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".door-") as private:
            made = Path(private) / path.name
            with _short(made) as name:
                listening.bind(name)
            made.chmod(0o600)
            listening.listen(VISITORS_MAX)
            made.replace(path)
    except OSError:
        listening.close()
        raise
    return listening


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Name a socket through its open folder: an address holds 107 bytes, a path may be longer."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
