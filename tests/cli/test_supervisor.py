"""Real children: started in order, kept alive, stopped in reverse, and no orphan is left."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
DRIVER = """
import asyncio, json, sys
from pathlib import Path
from trading_runtime.cli import children as c
from trading_runtime.cli.output import Screen
from trading_runtime.cli.runlock import RunLock
from trading_runtime.cli.supervisor import Supervisor
from trading_runtime.errors import Refused

spec = json.loads(sys.argv[1])
run = Path(spec["run"])
kinds = {"at_once": c.AtOnce, "line": c.LineReady, "file": c.FileReady, "http": c.HttpReady}

def child(name, program, kind="at_once", **o):
    detail = {"line": {"text": o.get("text")}, "http": {"url": o.get("url")},
              "file": {"path": Path(o.get("path", ""))}}.get(kind, {})
    return c.Child(
        name=name, command=(sys.executable, "-u", "-c", program) if program else ("no-such",),
        variables=(("TAPEDECK_TEST", name),), ready=kinds[kind](**detail),
        ready_within_s=o.get("within", 20.0), stop_within_s=o.get("stop", 5.0), shown="ERROR",
        essential=o.get("essential", True), resumes=o.get("resumes", False))

try:
    with RunLock(run):
        screen = Screen(sys.stdout)
        supervisor = Supervisor([child(**s) for s in spec["children"]], run, screen)
        outcome = asyncio.run(supervisor.run(spec["for"], lambda: screen.say("all up")))
        screen.say(f"restarts {supervisor.restarts}")
except Refused as refused:
    print(refused)
    outcome = 9
sys.exit(outcome)
"""
SLEEPS = "import signal; signal.pause()"
STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('deaf')\nwhile True: signal.pause()"
)
DEADLINE_S = 120.0


def eventually(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {DEADLINE_S:g} s: {what}")
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Up(NamedTuple):
    """A supervisor under test, in a process of its own."""

    process: subprocess.Popen[str]
    run: Path
    out: Path

    def text(self) -> str:
        return self.out.read_text()

    def says(self, text: str) -> None:
        eventually(lambda: text in self.text(), f"{text!r} in {self.text()!r}")

    def pid(self, name: str) -> int:
        path = self.run / f"{name}.pid"
        eventually(lambda: path.exists() and path.read_text().endswith("\n"), str(path))
        return int(path.read_text())

    def ends(self) -> int:
        return self.process.wait(DEADLINE_S)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def start(*children: dict[str, Any], for_s: float | None = None, **options: Any) -> Up:
        spec = {"run": str(tmp_path / "data" / "run"), "children": children, "for": for_s}
        out = tmp_path / f"out{len(started)}"
        with out.open("w") as stream:
            process = subprocess.Popen(
                [sys.executable, "-W", "error", "-c", DRIVER, json.dumps(spec)],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                **{"stdout": stream, "stderr": stream, **options},
            )
        started.append(Up(process, tmp_path / "data" / "run", out))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def test_children_start_in_order_and_stop_in_reverse(up: Callable[..., Up]) -> None:
    one = up({"name": "first", "program": SLEEPS}, {"name": "second", "program": SLEEPS}, for_s=0.2)
    assert one.ends() == 0
    lines = [re.sub(r"\d+\.\d", "N", line) for line in one.text().splitlines()]
    assert lines == [
        "starting first … ready in N s",
        "starting second … ready in N s",
        "all up",
        "stopped second",
        "stopped first",
        "restarts 0",
    ]
    assert sorted(path.name for path in one.run.iterdir()) == [
        "first.log",
        "second.log",
        "supervisor.pid",
    ]


def test_each_kind_of_readiness_is_awaited(up: Callable[..., Up], tmp_path: Path) -> None:
    (tmp_path / "there").write_text("left by an earlier run")
    server = (
        "import http.server as h\n"
        "s = h.HTTPServer(('127.0.0.1', 0), h.SimpleHTTPRequestHandler)\n"
        f"open({str(tmp_path / 'port')!r}, 'w').write(str(s.server_port))\n"
        "s.serve_forever()"
    )
    writer = (
        f"import os, signal; p = {str(tmp_path / 'there')!r}\n"
        "open(p + '.new', 'w').write('x'); os.replace(p + '.new', p); signal.pause()"
    )
    prober = subprocess.Popen([sys.executable, "-c", server], cwd=tmp_path)
    port = tmp_path / "port"
    eventually(lambda: port.exists() and bool(port.read_text()), "a server")
    try:
        one = up(
            {"name": "f", "program": writer, "kind": "file", "path": str(tmp_path / "there")},
            {"name": "l", "program": f"print('I am up'); {SLEEPS}", "kind": "line", "text": "am u"},
            {
                "name": "h",
                "program": SLEEPS,
                "kind": "http",
                "url": f"http://127.0.0.1:{port.read_text()}/?q=1",
            },
            for_s=0.1,
        )
        assert one.ends() == 0
        assert one.text().count("ready in") == 3
    finally:
        prober.kill()
        prober.wait()


def test_a_child_that_never_becomes_ready_is_one_clear_error(up: Callable[..., Up]) -> None:
    one = up(
        {"name": "good", "program": SLEEPS},
        {
            "name": "slow",
            "program": f"print('warming'); {SLEEPS}",
            "kind": "line",
            "text": "hot",
            "within": 5.0,
        },
        {"name": "never", "program": SLEEPS},
    )
    assert one.ends() == 1
    text = one.text()
    assert "starting slow … is not ready after 5 s: no line with 'hot'\n" in text
    assert "slow | warming" in text
    assert "slow.log" in text
    assert "starting never" not in text
    assert "Traceback" not in text
    assert not (one.run / "good.pid").exists()


def test_a_child_that_dies_before_it_is_ready_shows_its_last_words(up: Callable[..., Up]) -> None:
    one = up(
        {"name": "bad", "program": "raise SystemExit('no disk')", "kind": "line", "text": "ready"}
    )
    assert one.ends() == 1
    assert "starting bad … ended with status 1 before it was ready\nbad | no disk" in one.text()


def test_a_command_that_does_not_exist_is_named(up: Callable[..., Up]) -> None:
    one = up({"name": "ghost", "program": "", "kind": "line", "text": "ready"})
    assert one.ends() == 1
    assert "ghost | cannot run no-such: No such file or directory" in one.text()


def test_a_killed_child_is_started_again(up: Callable[..., Up]) -> None:
    one = up({"name": "a", "program": SLEEPS}, {"name": "b", "program": SLEEPS})
    one.says("all up")
    first, other = one.pid("a"), one.pid("b")
    os.kill(first, signal.SIGKILL)
    one.says("a was killed by SIGKILL; starting again in 0.5 s")
    eventually(lambda: one.text().count("starting a …") == 2, "a second start")
    eventually(lambda: one.pid("a") != first, "another process")
    assert one.pid("b") == other
    one.process.send_signal(signal.SIGTERM)
    assert one.ends() == 0
    assert "restarts 1" in one.text()
    assert not alive(other)


def test_a_child_that_keeps_dying_ends_the_run(up: Callable[..., Up]) -> None:
    one = up(
        {"name": "steady", "program": SLEEPS},
        {"name": "dying", "program": "import time; time.sleep(0.1); raise SystemExit(4)"},
    )
    assert one.ends() == 1
    text = one.text()
    assert text.count("dying ended with status 4") >= 6
    assert "6 times in a row: giving up" in text
    assert "stopped steady" in text


def test_a_child_that_is_not_essential_never_ends_the_run(up: Callable[..., Up]) -> None:
    refuses = {"name": "audit", "program": "raise SystemExit(1)", "kind": "line", "text": "ready"}
    one = up(refuses | {"essential": False}, {"name": "trader", "program": SLEEPS})
    one.says("all up")
    one.says("audit ended with status 1; starting again in 1 s")
    one.process.send_signal(signal.SIGTERM)
    assert one.ends() == 0
    assert "stopped trader" in one.text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all(up: Callable[..., Up], number: int) -> None:
    one = up({"name": "a", "program": SLEEPS}, {"name": "b", "program": SLEEPS})
    one.says("all up")
    pids = [one.pid("a"), one.pid("b")]
    one.process.send_signal(number)
    assert one.ends() == 0
    assert "stopped b\nstopped a\n" in one.text()
    assert not any(map(alive, pids))


def test_a_signal_during_the_start_stops_what_is_there(up: Callable[..., Up]) -> None:
    one = up(
        {"name": "a", "program": SLEEPS},
        {"name": "b", "program": SLEEPS, "kind": "line", "text": "never printed"},
    )
    pids = [one.pid("a"), one.pid("b")]
    one.says("starting b")
    one.process.send_signal(signal.SIGINT)
    assert one.ends() == 0
    assert "all up" not in one.text()
    assert not any(map(alive, pids))


def test_a_deaf_child_is_killed_at_its_deadline_with_all_it_started(
    up: Callable[..., Up], tmp_path: Path
) -> None:
    child = tmp_path / "grandchild"
    program = (
        "import subprocess, sys\n"
        f"p = subprocess.Popen([sys.executable, '-c', {STUBBORN!r}])\n"
        f"open({str(child)!r}, 'w').write(str(p.pid))\n" + STUBBORN
    )
    one = up({"name": "a", "program": program, "kind": "line", "text": "deaf", "stop": 0.5})
    one.says("all up")
    eventually(lambda: child.exists() and bool(child.read_text()), "a grandchild")
    one.process.send_signal(signal.SIGTERM)
    assert one.ends() == 3
    assert "killed a" in one.text()
    eventually(lambda: not alive(int(child.read_text())), "the grandchild gone")


def test_to_kill_a_child_that_resumes_fails_nothing(up: Callable[..., Up]) -> None:
    deaf = {"name": "a", "program": STUBBORN, "kind": "line", "text": "deaf", "stop": 0.5}
    one = up({**deaf, "resumes": True})
    one.says("all up")
    one.process.send_signal(signal.SIGTERM)
    assert one.ends() == 0
    assert "killed a" in one.text()


def test_a_second_signal_does_not_wait(up: Callable[..., Up]) -> None:
    one = up({"name": "a", "program": STUBBORN, "kind": "line", "text": "deaf", "stop": 300.0})
    one.says("all up")
    one.process.send_signal(signal.SIGINT)
    one.says("stopping; once more to stop at once")
    one.process.send_signal(signal.SIGINT)
    assert one.ends() == 3


def test_a_killed_supervisor_leaves_no_orphan(up: Callable[..., Up], tmp_path: Path) -> None:
    child = tmp_path / "grandchild"
    program = (
        "import subprocess, sys\n"
        f"p = subprocess.Popen([sys.executable, '-c', {SLEEPS!r}])\n"
        f"open({str(child)!r}, 'w').write(str(p.pid))\n" + SLEEPS
    )
    one = up({"name": "a", "program": program}, {"name": "b", "program": SLEEPS})
    one.says("all up")
    eventually(lambda: child.exists() and bool(child.read_text()), "a grandchild")
    pids = [one.pid("a"), one.pid("b"), int(child.read_text())]
    assert all(map(alive, pids))
    one.process.kill()
    one.process.wait()
    eventually(lambda: not any(map(alive, pids)), "all gone")


def test_a_killed_supervisor_gives_a_child_the_time_to_stop_cleanly(
    up: Callable[..., Up], tmp_path: Path
) -> None:
    program = (
        "import signal, sys, time\n"
        "def stop(*_):\n"
        f"    time.sleep(0.5); open({str(tmp_path / 'clean')!r}, 'w').close(); sys.exit()\n"
        "signal.signal(signal.SIGTERM, stop); print('up'); signal.pause()"
    )
    one = up({"name": "a", "program": program, "kind": "line", "text": "up"})
    one.says("all up")
    one.process.kill()
    one.process.wait()
    eventually((tmp_path / "clean").exists, "a clean stop")


def test_signals_that_the_shell_ignored_are_at_default_in_a_child(up: Callable[..., Up]) -> None:
    shows = (
        "import os, signal\n"
        "print('ERROR', *[signal.getsignal(n).name for n in (signal.SIGTERM, signal.SIGHUP)],\n"
        "      signal.getsignal(signal.SIGINT) is signal.default_int_handler,\n"
        "      os.getpgrp() == os.getpid() == os.getsid(0), os.environ['TAPEDECK_TEST'])\n"
        "signal.pause()"
    )

    def ignore() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    one = up({"name": "a", "program": shows, "kind": "line", "text": "ERROR"}, preexec_fn=ignore)
    one.says("a | ERROR SIG_DFL SIG_DFL True True a")
    one.process.send_signal(signal.SIGTERM)
    assert one.ends() == 0


def test_output_is_kept_and_what_matters_is_shown(up: Callable[..., Up]) -> None:
    program = f"print('quiet'); print('an ERROR'); print('x' * 200_000); print('end'); {SLEEPS}"
    one = up({"name": "a", "program": program, "kind": "line", "text": "end"}, for_s=0.1)
    assert one.ends() == 0
    assert "a | an ERROR\n" in one.text()
    assert "quiet" not in one.text()
    kept = (one.run / "a.log").read_text()
    assert kept.startswith("quiet\nan ERROR\nxxx")
    assert kept.count("x") == 200_000


def test_a_flood_of_important_lines_is_cut_short_on_the_screen(up: Callable[..., Up]) -> None:
    program = f"for n in range(5000): print('ERROR', n)\nprint('end'); {SLEEPS}"
    one = up({"name": "a", "program": program, "kind": "line", "text": "end"}, for_s=0.1)
    assert one.ends() == 0
    assert one.text().count("a | ERROR") < 200
    assert "more of this in" in one.text()
    assert (one.run / "a.log").read_text().count("ERROR") == 5000


def test_a_terminal_that_went_away_does_not_stop_the_stopping(up: Callable[..., Up]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    one = up({"name": "a", "program": SLEEPS}, {"name": "b", "program": SLEEPS}, stdout=writer)
    os.close(writer)
    pids = [one.pid("a"), one.pid("b")]
    one.process.send_signal(signal.SIGTERM)
    one.ends()
    assert not any(map(alive, pids))


def test_a_full_disk_costs_output_and_never_a_child(up: Callable[..., Up], tmp_path: Path) -> None:
    run = tmp_path / "data" / "run"
    run.mkdir(parents=True)
    (run / "a.log").symlink_to("/dev/full")
    program = f"print('ERROR one'); print('ERROR two'); print('end'); {SLEEPS}"
    one = up({"name": "a", "program": program, "kind": "line", "text": "end"}, for_s=0.3)
    assert one.ends() == 0
    assert one.text().count("a.log: No space left on device") == 1
    assert "a | ERROR two" in one.text()
    assert "restarts 0" in one.text()


def test_a_second_supervisor_on_the_same_folder_says_so(up: Callable[..., Up]) -> None:
    one = up({"name": "a", "program": SLEEPS})
    one.says("all up")
    two = up({"name": "a", "program": SLEEPS})
    assert two.ends() == 9
    assert re.fullmatch(
        rf"tapedeck is already up on \S+data as process {one.process.pid}\n", two.text()
    )
    one.process.send_signal(signal.SIGTERM)
    assert one.ends() == 0


def test_the_lock_dies_with_a_killed_supervisor(up: Callable[..., Up]) -> None:
    one = up({"name": "a", "program": SLEEPS})
    one.says("all up")
    one.process.kill()
    one.process.wait()
    two = up({"name": "a", "program": SLEEPS}, for_s=0.1)
    assert two.ends() == 0
