"""The operator's channel: real sockets, a real loop, and whatever somebody may write to it."""

import asyncio
import json
import os
import pwd
import socket
import stat
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_runtime.app.doorway import (
    LINE_BYTES_MAX,
    SOCKET,
    VISITORS_MAX,
    Answer,
    Command,
    Commanded,
    ConnectionStatus,
    Doorway,
    MarketStatus,
    Parameters,
    Status,
    StatusAsked,
    ask,
)
from trading_runtime.cli.operator_command import MEANINGS
from trading_runtime.errors import Refused
from trading_runtime.records.inputs import Action, OperatorCommanded, ParametersActivated

LOGIN = pwd.getpwuid(os.getuid()).pw_name
STATUS = Status(
    session="s1",
    mode="sim",
    latched="",
    watchdog="",
    lease="",
    markets=(
        MarketStatus(
            instrument_id="v:BTCUSDT",
            held="start gate: no clock offset",
            open_orders=3,
            unknown_orders=1,
            position="-0.120",
        ),
    ),
    connections=(ConnectionStatus(venue="v", purpose="orders", up=False),),
)
PAUSE = Command(action=Action.PAUSE, reason="lunch")


class Desk:
    """Takes what comes through the door, and refuses what it was told to."""

    def __init__(self, data: Path) -> None:
        self.taken: list[Commanded] = []
        self.forgiven = 0
        self.refusal = ""
        self.doorway = Doorway(data, self.take, lambda: STATUS, self.forgive)

    def take(self, body: Commanded) -> str:
        self.taken.append(body)
        return self.refusal

    def forgive(self) -> None:
        assert self.taken, "the command stands in the journal before"
        self.forgiven += 1


def with_desk(data: Path, act: Callable[[Desk], Awaitable[None]]) -> Desk:
    async def run() -> Desk:
        desk = Desk(data)
        await desk.doorway.open()
        try:
            async with asyncio.timeout(120):
                await act(desk)
        finally:
            await desk.doorway.close()
        return desk

    return asyncio.run(run())


def test_a_command_is_taken_with_the_kernels_word_for_who_asks(tmp_path: Path) -> None:
    async def act(_: Desk) -> None:
        assert await asyncio.to_thread(ask, tmp_path, PAUSE) == Answer(ok=True)
        named = Command(action=Action.CANCEL_ALL, reason="rain", user="ada")
        assert await asyncio.to_thread(ask, tmp_path, named) == Answer(ok=True)

    desk = with_desk(tmp_path, act)
    assert desk.taken == [
        OperatorCommanded(action=Action.PAUSE, user=LOGIN, reason="lunch"),
        OperatorCommanded(action=Action.CANCEL_ALL, user=f"{LOGIN} (ada)", reason="rain"),
    ]
    assert desk.forgiven == 0


def test_parameters_come_as_they_were_written(tmp_path: Path) -> None:
    line = Parameters(instrument_id="v:X", parameters=msgspec.Raw(b'{"size":1.10}'))

    async def act(_: Desk) -> None:
        assert (await asyncio.to_thread(ask, tmp_path, line)).ok

    (body,) = with_desk(tmp_path, act).taken
    assert body == ParametersActivated(instrument_id="v:X", parameters=b'{"size":1.10}', user=LOGIN)


def test_what_the_session_refuses_is_answered_with_its_reason(tmp_path: Path) -> None:
    async def act(desk: Desk) -> None:
        desk.refusal = "latched"
        line = Command(action=Action.RESUME, reason="please")
        answer = await asyncio.to_thread(ask, tmp_path, line)
        assert answer == Answer(ok=False, error="latched")
        assert desk.forgiven == 0

    with_desk(tmp_path, act)


def test_a_resume_forgives_the_watchdog_once_it_was_taken(tmp_path: Path) -> None:
    async def act(desk: Desk) -> None:
        line = Command(action=Action.RESUME, reason="looked at it")
        assert (await asyncio.to_thread(ask, tmp_path, line)).ok
        assert desk.forgiven == 1

    with_desk(tmp_path, act)


def test_a_question_is_answered_and_records_nothing(tmp_path: Path) -> None:
    async def act(_: Desk) -> None:
        answer = await asyncio.to_thread(ask, tmp_path, StatusAsked())
        assert answer.status == STATUS

    assert with_desk(tmp_path, act).taken == []


def test_the_door_is_for_its_own_user_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async def act(_: Desk) -> None:
        mode = (tmp_path / SOCKET).stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
        assert [each.name for each in (tmp_path / "run").iterdir()] == [SOCKET.name]

    with_desk(tmp_path, act)
    assert list((tmp_path / "run").iterdir()) == []


def test_a_socket_that_a_crash_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / SOCKET))
    with pytest.raises(Refused, match="no runtime is running on"):
        ask(tmp_path, PAUSE)

    async def act(_: Desk) -> None:
        assert (await asyncio.to_thread(ask, tmp_path, PAUSE)).ok

    with_desk(tmp_path, act)


def test_a_path_longer_than_a_sockets_address_will_do(tmp_path: Path) -> None:
    data = tmp_path / ("x" * 120)

    async def act(_: Desk) -> None:
        assert (await asyncio.to_thread(ask, data, PAUSE)).ok

    with_desk(data, act)


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"hello\n",
        b"\xff\xfe\n",
        b"{}\n",
        b'{"do":"command","action":"pause"}\n',
        b'{"do":"command","action":"pause","reason":"   "}\n',
        b'{"do":"command","action":"explode","reason":"x"}\n',
        b'{"do":"command","action":"pause","reason":"x","force":true}\n',
        b'{"do":"command","action":"pause","reason":"x","user":"a\\u0007b"}\n',
        b'{"do":"parameters","instrument_id":"x"}\n',
        b"[" * 10_000 + b"\n",
    ],
)
def test_a_line_that_says_nothing_known_is_one_error_and_the_next_one_counts(
    tmp_path: Path, line: bytes
) -> None:
    async def act(desk: Desk) -> None:
        reader, writer = await asyncio.open_unix_connection(tmp_path / SOCKET)
        writer.write(line + msgspec.json.encode(PAUSE) + b"\n")
        first, second = json.loads(await reader.readline()), json.loads(await reader.readline())
        assert first["ok"] is False
        assert first["error"].startswith("not understood")
        assert second == {"ok": True}
        assert len(desk.taken) == 1
        writer.close()

    with_desk(tmp_path, act)


def test_a_line_without_end_is_told_so_and_shown_out(tmp_path: Path) -> None:
    async def act(_: Desk) -> None:
        reader, writer = await asyncio.open_unix_connection(tmp_path / SOCKET)
        writer.write(b"x" * (LINE_BYTES_MAX + 1))
        answer = json.loads(await reader.readline())
        assert answer == {"ok": False, "error": "a line is at most 65536 bytes"}
        assert await reader.read() == b""
        writer.close()
        assert (await asyncio.to_thread(ask, tmp_path, PAUSE)).ok

    with_desk(tmp_path, act)


def test_half_a_line_is_no_command(tmp_path: Path) -> None:
    async def act(_: Desk) -> None:
        _, writer = await asyncio.open_unix_connection(tmp_path / SOCKET)
        writer.write(msgspec.json.encode(PAUSE))
        writer.close()
        assert (await asyncio.to_thread(ask, tmp_path, StatusAsked())).ok

    assert with_desk(tmp_path, act).taken == []


def test_one_visitor_too_many_is_turned_away_and_comes_in_when_another_goes(
    tmp_path: Path,
) -> None:
    async def act(_: Desk) -> None:
        visitors = [
            await asyncio.open_unix_connection(tmp_path / SOCKET) for _ in range(VISITORS_MAX)
        ]
        for reader, writer in visitors:
            writer.write(b'{"do":"status"}\n')
            assert await reader.readline()
        with pytest.raises(Refused, match="hung up"):
            await asyncio.to_thread(ask, tmp_path, PAUSE)
        reader, writer = visitors[0]
        writer.write_eof()
        assert await reader.read() == b""
        assert (await asyncio.to_thread(ask, tmp_path, PAUSE)).ok
        for _, writer in visitors:
            writer.close()

    with_desk(tmp_path, act)


def test_no_runtime_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no runtime is running on"):
        ask(tmp_path, PAUSE)


@given(st.lists(st.binary(max_size=200).map(lambda text: text.replace(b"\n", b"")), max_size=10))
@settings(max_examples=25)
def test_whatever_is_written_each_line_has_one_answer_and_nothing_else_happens(
    lines: list[bytes],
) -> None:
    async def act(_: Desk) -> None:
        reader, writer = await asyncio.open_unix_connection(Path(folder) / SOCKET)
        writer.writelines(line + b"\n" for line in lines)
        writer.write_eof()
        answers = (await reader.read()).splitlines()
        assert len(answers) == len(lines)
        assert not any(json.loads(answer)["ok"] for answer in answers)
        writer.close()

    with tempfile.TemporaryDirectory() as folder:
        assert with_desk(Path(folder), act).taken == []


def test_every_action_can_be_commanded() -> None:
    assert MEANINGS.keys() == set(Action)


async def operator(*arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "trading_runtime.cli.main", "operator", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def test_the_command_line_says_it_and_prints_what_came_of_it(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path))
    parameters = tmp_path / "parameters.json"
    parameters.write_text('{\n  "size": 1.10,\n  "name": "a b"\n}\n')

    async def act(desk: Desk) -> None:
        paused, shown, asked, given_, empty = await asyncio.gather(
            operator("pause", "--reason", "lunch", *data),
            operator("status", *data),
            operator("status", "--json", *data),
            operator("parameters", str(parameters), "--instrument", "v:X", *data),
            operator("stop", "--reason", " ", *data),
        )
        assert paused == (0, "pause: done\n", "")
        assert shown[0] == 0
        assert "held: start gate: no clock offset" in shown[1]
        assert "3 open orders (1 unknown)" in shown[1]
        assert "v orders DOWN" in shown[1]
        assert json.loads(asked[1])["status"]["session"] == "s1"
        assert given_ == (0, "v:X: parameters are active\n", "")
        assert empty == (2, "", "tapedeck: give a reason: it stands in the record\n")
        desk.refusal = "latched"
        refused = await operator("resume", "--reason", "please", *data)
        assert refused == (2, "", "tapedeck: latched\n")

    taken = with_desk(tmp_path, act).taken
    (activated,) = (body for body in taken if isinstance(body, ParametersActivated))
    assert activated.parameters == b'{"size":1.10,"name":"a b"}'


def test_the_command_line_without_a_runtime_is_one_clear_line(tmp_path: Path) -> None:
    told = asyncio.run(operator("status", "--data", str(tmp_path)))
    assert told == (2, "", f"tapedeck: no runtime is running on {tmp_path}\n")
