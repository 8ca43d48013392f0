"""The witness on real sockets: requests that race, a disk that fails, monitors."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from tests.audit.witness.serving import Got, add, ask, serving
from tests.audit.witness.small_log import SmallLog
from tests.audit.witness.test_history import whole
from tests.journal.disks import fill, tmpfs
from trading_runtime.audit.witness import request
from trading_runtime.audit.witness.request import BODY_BYTES_MAX, Request
from trading_runtime.audit.witness.server import quoted
from trading_runtime.audit.witness.witness import Witness
from trading_runtime.errors import Halt
from trading_runtime.evidence import checkpoint

RACERS = 8


@pytest.fixture
def log(tmp_path: Path) -> SmallLog:
    return SmallLog(tmp_path / "log" / "audit")


def witness_of(log: SmallLog, folder: Path) -> Witness:
    return Witness(folder, {log.origin: log.trust}, log.witness_key, lambda _: None)


@pytest.fixture
def url(log: SmallLog, tmp_path: Path) -> Iterator[str]:
    with serving(witness_of(log, tmp_path / "witness")) as url:
        yield url


def hash_of(log: SmallLog) -> str:
    return sha256(log.origin.encode()).hexdigest()


def race(url: str, bodies: list[bytes]) -> list[Got]:
    with ThreadPoolExecutor(len(bodies)) as threads:
        return list(threads.map(lambda body: add(url, body), bodies))


def test_every_status_of_the_protocol_comes_over_the_wire(url: str, log: SmallLog) -> None:
    assert add(url, log.body(0, 5)).status == 200
    assert add(url, log.body(5, 6)).status == 200
    assert add(url, log.body(0, 6)) == Got(409, "text/x.tlog.size", b"6\n")
    assert add(url, b"old").status == 400
    unknown = log.body(6, 7).replace(b"\ndesk.example/tape\n", b"\nother.example/tape\n")
    assert add(url, unknown).status == 404
    forged = SmallLog(log.audit.parent / "forged").body(6, 7)
    assert add(url, forged).status == 403
    assert add(url, SmallLog(log.audit, "b").body(6, 7)).status == 422


def test_another_method_or_path_is_nothing(url: str) -> None:
    assert ask(f"{url}/add-checkpoint").status == 405
    assert ask(f"{url}/sign-subtree", b"").status == 404
    assert ask(f"{url}/{'a' * 63}/checkpoint").status == 404


def test_a_body_without_end_is_not_read(url: str, log: SmallLog) -> None:
    assert add(url, b"x" * (BODY_BYTES_MAX + 1)).status == 413
    assert add(url, log.body(0, 1)).status == 200


def test_monitors_get_the_newest_checkpoint(url: str, log: SmallLog) -> None:
    where = f"{url}/{hash_of(log)}/checkpoint"
    assert ask(where).status == 404
    for old, size in ((0, 3), (3, 8)):
        add(url, log.body(old, size))
        got = ask(where)
        assert (got.status, got.kind) == (200, "text/plain")
        assert checkpoint.unverified(got.body)[0] == log.checkpoint(size)


def test_metrics_count_what_was_refused_by_status(url: str, log: SmallLog) -> None:
    add(url, log.body(0, 5))
    for _ in range(2):
        add(url, log.body(0, 6))
    add(url, b"")
    text = ask(f"{url}/metrics").body.decode()
    assert 'witness_size{origin="desk.example/tape"} 5\n' in text
    assert 'witness_refused_total{status="409"} 2\n' in text
    assert 'witness_refused_total{status="400"} 1\n' in text
    assert 'witness_refused_total{status="422"} 0\n' in text
    assert "witness_cosigned_total 1\n" in text
    assert ask(f"{url}/health") == Got(200, "text/plain", b"ok\n")
    assert quoted('a"\\') == 'a\\"\\\\'


def test_of_checkpoints_that_race_one_is_cosigned(url: str, log: SmallLog, tmp_path: Path) -> None:
    """The race of the specification: request A must not take back what request B was answered."""
    size = 0
    for _ in range(6):
        sizes = range(size + 1, size + 1 + RACERS)
        answers = race(url, [log.body(size, each) for each in sizes])
        won = [each for each, got in zip(sizes, answers, strict=True) if got.status == 200]
        assert len(won) == 1
        lost = [got for got in answers if got.status != 200]
        assert lost == [Got(409, "text/x.tlog.size", f"{won[0]}\n".encode())] * (RACERS - 1)
        size = won[0]
    notes = whole(tmp_path / "witness" / hash_of(log))
    seen = [checkpoint.unverified(note)[0] for note in notes]
    assert [each.size for each in seen] == sorted({each.size for each in seen})
    assert seen == [log.checkpoint(each.size) for each in seen]


def test_of_two_histories_that_race_one_is_witnessed(
    tmp_path_factory: pytest.TempPathFactory, log: SmallLog
) -> None:
    other = SmallLog(log.audit, "b")
    for _ in range(4):
        folder = tmp_path_factory.mktemp("witness")
        with serving(witness_of(log, folder)) as url:
            answers = race(url, [view.body(0, 4) for view in (log, other) * 2])
            views = [view for view, got in zip((log, other) * 2, answers, strict=True)]
            won = [view for view, got in zip(views, answers, strict=True) if got.status == 200]
            assert len(won) == 1
            kept = checkpoint.unverified(ask(f"{url}/{hash_of(log)}/checkpoint").body)[0]
            assert kept == won[0].checkpoint(4)


def test_the_same_checkpoint_from_many_at_once_is_cosigned_for_one_of_them(
    url: str, log: SmallLog
) -> None:
    answers = race(url, [log.body(0, 4)] * RACERS)
    assert sorted(got.status for got in answers) == [200] + [409] * (RACERS - 1)


def test_a_reader_that_hangs_keeps_nobody_else_waiting(url: str, log: SmallLog) -> None:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as slow:
        slow.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 99\r\n\r\nold")
        assert add(url, log.body(0, 4)).status == 200


def test_a_full_disk_ends_it_without_an_answer_and_without_loss(
    log: SmallLog, tmp_path: Path
) -> None:
    with tmpfs(tmp_path) as disk:
        folder = disk / "witness"
        sizes = [4]
        with pytest.raises(Halt, match="cannot remember"), serving(witness_of(log, folder)) as url:
            fill_while_asking(disk, url, log, sizes)
        (disk / "full").unlink()
        with serving(witness_of(log, folder)) as url:
            known = int(add(url, request.write(Request(0, (), log.note(200)))).body)
            assert known in (sizes[-1], sizes[-1] + 1)
            assert add(url, log.body(known, 200)).status == 200


def fill_while_asking(disk: Path, url: str, log: SmallLog, sizes: list[int]) -> None:
    """Ask until the disk takes no more; ``sizes`` gets what was answered."""
    assert add(url, log.body(0, sizes[0])).status == 200
    fill(disk / "full", leave=0)
    while (got := add(url, log.body(sizes[-1], sizes[-1] + 1))).status == 200:
        sizes.append(sizes[-1] + 1)
    assert got.status == 500
