"""Each principal is a user of its own: what it may touch, and what it can do when it attacks.

Every attempt is made by a process of that user, with the permissions that the log's own processes
run under. It needs to be root, and an interpreter that other users can run.
"""

import subprocess
from pathlib import Path

import pytest

from tests.audit.attacks.scenes import Scene, first, second
from tests.audit.attacks.world import USERS, World

PARTS = ("desk", "runtime", "log", "w1", "w2", "archive")
TRY = """
import os, sys
path, kind = sys.argv[1:]
try:
    if kind == "read":
        open(path, "rb").read(1)
    elif kind == "write":
        os.close(os.open(path, os.O_WRONLY))
    elif kind == "make":
        os.close(os.open(path + "/intruder", os.O_WRONLY | os.O_CREAT))
        os.unlink(path + "/intruder")
    else:
        os.rename(path, path + ".gone")
        os.rename(path + ".gone", path)
except PermissionError:
    sys.exit(13)
"""
DENIED = 13


@pytest.fixture
def apart(world: World) -> World:
    if not world.apart:
        pytest.skip("not root, or no interpreter that another user can run: all is one user's")
    return world


def tried(world: World, who: str, path: Path, kind: str) -> int:
    return subprocess.run(
        [str(world.python), "-c", TRY, str(path), kind],
        user=USERS[who], group=USERS[who], extra_groups=[], check=False,
    ).returncode  # fmt: skip


def places(world: World) -> dict[str, list[Path]]:
    """Files and folders that are one principal's own."""
    audit = world.audit
    return {
        "desk": [audit / "wal/desk", world.root / "desk/key"],
        "runtime": [audit / "wal/runtime", world.root / "runtime/key"],
        "log": [
            audit / "log/frames/000000.frames", audit / "log/checkpoint", audit / "log/digests/00000001.note",
            audit / "index.sqlite", audit / "keys/log.key", audit / "keys/digest.key", audit / "receipts",
        ],
        "w1": [world.root / "w1/audit/witness", world.root / "w1/audit/keys/witness.key"],
        "w2": [world.root / "w2/audit/witness", world.root / "w2/audit/keys/witness.key"],
        "archive": [world.archive / "digests/00000001.note", world.archive / "blocks"],
    }  # fmt: skip


@pytest.mark.parametrize("owner", PARTS)
def test_nobody_writes_what_is_anothers(owner: str, apart: World) -> None:
    allowed = []
    for path in places(apart)[owner]:
        for other in PARTS:
            if other == owner:
                continue
            kinds = ("make" if path.is_dir() else "write", "rename")
            allowed += [
                (other, kind, path) for kind in kinds if tried(apart, other, path, kind) != DENIED
            ]
    assert allowed == []


@pytest.mark.parametrize("owner", ["desk", "runtime", "log", "w1", "w2"])
def test_nobody_reads_anothers_key(owner: str, apart: World) -> None:
    keys = [path for path in places(apart)[owner] if "key" in path.name]
    assert keys
    for path in keys:
        for other in PARTS:
            denied = tried(apart, other, path, "read") == DENIED
            assert denied == (other != owner), (other, path)


def test_nobody_but_root_changes_whom_to_believe(apart: World) -> None:
    for name in ("trust.json", "policy"):
        for who in PARTS:
            assert tried(apart, who, apart.audit / "trust" / name, "write") == DENIED
            assert tried(apart, who, apart.audit / "trust" / name, "rename") == DENIED


def test_the_log_reads_what_producers_wrote_and_cannot_change_it(apart: World) -> None:
    segments = list((apart.audit / "wal").rglob("*.wal"))
    for segment in segments:
        assert tried(apart, "log", segment, "read") == 0
        assert tried(apart, "log", segment, "write") == DENIED


def test_the_log_cannot_remove_what_the_archive_has(apart: World) -> None:
    for path in apart.archive.rglob("*"):
        if path.is_file():
            assert tried(apart, "log", path, "rename") == DENIED


def test_the_log_s_host_can_only_go_where_a_witness_goes(apart: World, tmp_path: Path) -> None:
    """With all keys that its user can read it may append, but its past is cosigned by others."""
    readable = [
        path.relative_to(apart.root).as_posix()
        for path in apart.root.rglob("*.key")
        if tried(apart, "log", path, "read") == 0
    ]
    assert sorted(readable) == [
        "audit/keys/digest.key",
        "audit/keys/log.key",
        "audit/keys/producer-log.key",
    ]
    assert tmp_path.exists()


def test_the_copy_that_is_attacked_was_whole(apart: World) -> None:
    made = apart.made()
    scene = Scene(made.forgery, made.pin, made.now)
    assert (str(second(scene)), str(first(scene))) == ("exit 0 whole", "exit 0 whole")
