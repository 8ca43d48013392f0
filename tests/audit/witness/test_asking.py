"""The log asks its witnesses: sound ones, slow ones, dead ones, and those that went back."""

import asyncio
import shutil
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from aiohttp import web

from tests.audit.witness.serving import HOST, WITHIN_S, add, ask, serving
from tests.audit.witness.small_log import SmallLog
from trading_runtime.audit.witness.asking import Asked, Asking, Round, WitnessAhead, asked_by
from trading_runtime.audit.witness.witness import Witness
from trading_runtime.clock import wall_ns
from trading_runtime.errors import Misread, Refused
from trading_runtime.evidence import checkpoint, notes
from trading_runtime.evidence.checkpoint import Checkpoint
from trading_runtime.evidence.notes import Kind, SigningKey
from trading_runtime.evidence.policy import Policy, parse
from trading_runtime.evidence.trust import open_checkpoint
from trading_runtime.records.units import NANOS_PER_SECOND

NAMES = ("north", "south", "east")


class Three:
    """A log with three witnesses of which two suffice."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys = {
            name: SigningKey.generate(f"{name}.example/w", Kind.COSIGNATURE) for name in NAMES
        }
        witnesses = tuple((name, key.vkey, "") for name, key in self.keys.items())
        self.log = SmallLog(folder / "log" / "audit", witnesses=witnesses)
        lines = [f"witness {name} {vkey}" for name, vkey, _ in witnesses]
        lines += [f"group two 2 {' '.join(NAMES)}", "quorum two", ""]
        self.policy: Policy = parse("\n".join(lines).encode())
        self.published: bytes | None = None

    def witness(self, name: str) -> Witness:
        log = self.log
        return Witness(self.folder / name, {log.origin: log.trust}, self.keys[name], print)

    def cosign(self, urls: dict[str, str], size: int, timeout_s: float = WITHIN_S) -> Round:
        """Ask once, with a memory of the published checkpoint alone."""
        asking = self.asking(urls, timeout_s)
        try:
            return self.round(asking, size)
        finally:
            asking.close()

    def asking(self, urls: dict[str, str], timeout_s: float = WITHIN_S) -> Asking:
        asked = asked_by(self.policy, urls)
        return Asking(asked, self.log.trust, self.policy, self.published, timeout_s)

    def round(self, asking: Asking, size: int) -> Round:
        done = asking.cosign(self.log.note(size), lambda old: self.log.proof(old, size))
        if done.quorum:
            self.published = done.note
        return done


@pytest.fixture
def three(tmp_path: Path) -> Three:
    return Three(tmp_path)


@contextmanager
def all_serving(three: Three, names: Sequence[str] = NAMES) -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(serving(three.witness(name))) for name in names}


@contextmanager
def answering(status: int, body: bytes, kind: str = "text/plain") -> Iterator[str]:
    """Give the URL of somebody who answers everything alike."""
    ready = threading.Event()
    url: list[str] = []
    stops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers={"Content-Type": kind})

    async def serve() -> None:
        stop = asyncio.Event()
        runner = web.ServerRunner(web.Server(answer), handle_signals=False, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, HOST, 0).start()
        url.append(f"http://{HOST}:{runner.addresses[0][1]}")
        stops.append((asyncio.get_running_loop(), stop))
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(WITHIN_S)
        yield url[0]
    finally:
        stops[0][0].call_soon_threadsafe(stops[0][1].set)
        thread.join(WITHIN_S)


@contextmanager
def silent() -> Iterator[str]:
    """Give the URL of somebody who takes connections and never answers."""
    with socket.create_server((HOST, 0)) as listening:
        yield f"http://{HOST}:{listening.getsockname()[1]}"


def test_all_cosignatures_are_gathered_on_one_note(three: Three) -> None:
    with all_serving(three) as urls:
        done = three.cosign(urls, 5)
    assert done.quorum
    assert (done.refusals, done.set_back) == ({}, ())
    accepted = open_checkpoint(done.note, three.log.trust, three.policy)
    assert accepted.quorum
    assert accepted.checkpoint == three.log.checkpoint(5)
    assert set(accepted.times) <= set(three.policy.keys())
    assert len(accepted.times) >= 2


def test_it_goes_on_from_round_to_round_and_after_a_restart(three: Three) -> None:
    with all_serving(three) as urls:
        asking = three.asking(urls)
        for size in (0, 1, 4, 4, 9):
            assert three.round(asking, size).quorum
        asking.close()
        assert three.cosign(urls, 20).quorum
        three.published = None
        assert three.cosign(urls, 31).quorum


def test_one_that_was_left_behind_is_caught_up_with(three: Three) -> None:
    with all_serving(three, NAMES[:2]) as urls:
        assert three.cosign(urls, 5).quorum
        assert three.cosign(urls, 7).quorum
    with all_serving(three, NAMES[1:]) as urls:
        done = three.cosign(urls, 12)
        assert done.quorum
        assert done.set_back == ()
    with all_serving(three, NAMES[:1]) as urls:
        done = three.cosign(urls, 13)
        assert done.cosigned == ("north",)
        assert not done.quorum


def test_two_of_three_suffice_when_one_is_dead_or_silent(three: Three) -> None:
    with all_serving(three, NAMES[:2]) as urls, silent() as nobody:
        assert three.cosign(urls | {"east": nobody}, 5).quorum
        done = three.cosign(urls | {"east": f"http://{HOST}:1"}, 6)
        assert done.quorum
        assert "east" in done.refusals


def test_without_a_quorum_a_round_ends_with_the_time_out_and_says_why(three: Three) -> None:
    with all_serving(three, NAMES[:1]) as urls, silent() as nobody:
        done = three.cosign(urls | {"south": nobody, "east": f"http://{HOST}:1"}, 5, timeout_s=4.0)
    assert not done.quorum
    assert done.cosigned == ("north",)
    assert "TimeoutError" in done.refusals["south"]
    assert "Connect" in done.refusals["east"]


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (200, "text/plain", b""),
        (200, "text/plain", b"nothing like a signature\n"),
        (200, "text/plain", b"x" * 100_000),
        (403, "text/plain", b"no"),
        (302, "text/plain", b""),
        (409, "text/plain", b"3\n"),
        (409, "text/x.tlog.size", b"3"),
        (409, "text/x.tlog.size", b"03\n"),
        (409, "text/x.tlog.size", b"4\n"),
        (409, "text/x.tlog.size", b"999\n"),
        (500, "text/plain", b"\xff\xfe"),
    ],
)
def test_whatever_else_is_answered_is_a_refusal(
    three: Three, status: int, kind: str, body: bytes
) -> None:
    with answering(status, body, kind) as url:
        done = three.cosign({"north": url}, 5)
    assert not done.quorum
    assert done.cosigned == ()
    assert done.refusals["north"]
    assert notes.split(done.note) == notes.split(three.log.note(5))


def test_a_cosignature_of_another_key_text_or_time_is_not_taken(three: Three) -> None:
    now_s = wall_ns() // NANOS_PER_SECOND
    text = three.log.checkpoint(5).text()
    key = three.keys["north"]
    wrong = {
        "another key": checkpoint.cosign(text, three.keys["south"], now_s),
        "another text": checkpoint.cosign(three.log.checkpoint(4).text(), key, now_s),
        "tomorrow": checkpoint.cosign(text, key, now_s + 86_400),
        "no time": checkpoint.cosign(text, key, 0),
    }
    for what, signature in wrong.items():
        with answering(200, signature.line().encode()) as url:
            done = three.cosign({"north": url}, 5)
        assert done.cosigned == (), what
    with answering(200, checkpoint.cosign(text, key, now_s).line().encode()) as url:
        assert three.cosign({"north": url}, 5).cosigned == ("north",)


def test_a_witness_that_was_set_back_is_told_and_brought_forward(three: Three) -> None:
    with all_serving(three) as urls:
        assert three.cosign(urls, 5).quorum
    backup = three.folder / "backup"
    shutil.copytree(three.folder / "north", backup)
    with all_serving(three, ["north"]) as urls:
        done = three.cosign(urls, 9)
        assert done.set_back == ()
        three.published = done.note
    shutil.rmtree(three.folder / "north")
    backup.rename(three.folder / "north")
    with all_serving(three, ["north"]) as urls:
        assert three.cosign(urls, 12).set_back == ("north",)
        assert three.cosign(urls, 13).set_back == ()


def test_a_witness_that_forgot_everything_is_told(three: Three) -> None:
    with all_serving(three) as urls:
        three.published = three.cosign(urls, 5).note
    for name in NAMES:
        shutil.rmtree(three.folder / name)
    with all_serving(three) as urls:
        done = three.cosign(urls, 9)
        assert done.set_back == done.cosigned
        assert len(done.cosigned) >= 2


def test_a_log_that_was_set_back_is_shown_what_was_cosigned(three: Three) -> None:
    with all_serving(three, ["north"]) as urls:
        three.cosign(urls, 9)
        with pytest.raises(WitnessAhead, match=r"size 9 .* here is 5"):
            three.cosign(urls, 5)
        asking = three.asking(urls)
        (seen,) = asking.seen()
        asking.close()
        assert seen.checkpoint == three.log.checkpoint(9)


def test_a_witness_that_claims_more_and_shows_nothing_is_not_believed(three: Three) -> None:
    stranger = SigningKey.generate(three.log.origin)
    forged = checkpoint.sign(Checkpoint(three.log.origin, 999, bytes(32)), stranger)
    with answering(409, b"999\n", "text/x.tlog.size") as url:
        assert "does not show it" in three.cosign({"north": url}, 5).refusals["north"]
        asking = three.asking({"north": url})
        (seen,) = asking.seen()
        assert seen.checkpoint is None
        assert seen.reason
        asking.close()
    with answering(200, forged) as url:
        asking = three.asking({"north": url})
        (seen,) = asking.seen()
        asking.close()
        assert seen.checkpoint is None
        assert "unsigned" in seen.reason


def test_what_is_seen_of_one_that_has_nothing_yet_is_nothing_without_a_reason(
    three: Three,
) -> None:
    with all_serving(three, ["north"]) as urls:
        asking = three.asking(urls)
        assert [(seen.checkpoint, seen.reason) for seen in asking.seen()] == [(None, "")]
        asking.close()


def test_only_one_of_two_logs_that_go_apart_gets_a_quorum(three: Three) -> None:
    """A split view: the same origin and key, two histories."""
    other = SmallLog(three.log.audit, "b")
    with all_serving(three) as urls:
        assert three.cosign(urls, 5).quorum
        for size in (5, 6, 9):
            asking = three.asking(urls)
            done = asking.cosign(
                other.note(size), lambda old, size=size: other.proof(min(old, size), size)
            )
            asking.close()
            assert done.cosigned == ()
            assert "422" in " ".join(done.refusals.values())


def test_asked_are_those_with_a_url_in_the_policy_or_the_settings(three: Three) -> None:
    keys = {name: key.vkey for name, key in three.keys.items()}
    policy = parse(
        f"witness north {keys['north']} http://a:1\nwitness south {keys['south']} http://b:1\n"
        f"witness east {keys['east']}\nquorum north\n".encode()
    )
    assert asked_by(policy, {"south": "http://c:1"}) == [
        Asked("north", "http://a:1", keys["north"]),
        Asked("south", "http://c:1", keys["south"]),
    ]
    with pytest.raises(Refused, match="no witness 'west'"):
        asked_by(policy, {"west": "http://d:1"})


def test_a_quorum_that_cannot_be_is_told_by_who_is_missing(three: Three) -> None:
    with all_serving(three, ["north"]) as urls:
        done = three.cosign(urls, 5)
    assert done.cosigned == ("north",)
    assert done.refusals == dict.fromkeys(("south", "east"), "nobody says where it listens")


def test_what_the_log_did_not_sign_is_not_sent(three: Three) -> None:
    asking = three.asking({})
    stranger = SigningKey.generate(three.log.origin)
    with pytest.raises(Misread):
        asking.cosign(checkpoint.sign(three.log.checkpoint(3), stranger), lambda _: [])
    asking.close()


def test_the_witness_itself_says_what_asking_sees(three: Three) -> None:
    with all_serving(three, ["north"]) as urls:
        assert add(urls["north"], three.log.body(0, 4)).status == 200
        path = sha256(three.log.origin.encode()).hexdigest()
        shown = ask(f"{urls['north']}/{path}/checkpoint").body
        assert notes.open_note(shown, [three.keys["north"].vkey]).by == (three.keys["north"].vkey,)
