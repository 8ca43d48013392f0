import subprocess
import sys
from pathlib import Path

from trading_runtime.store import durable

HOLDER = """
import sys
from pathlib import Path
from trading_runtime.store import durable
with durable.lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_write_leaves_the_whole_content_and_nothing_beside_it(tmp_path: Path) -> None:
    durable.write(tmp_path / "a" / "b.json", b"one")
    durable.write(tmp_path / "a" / "b.json", b"two")
    assert [it.name for it in (tmp_path / "a").iterdir()] == ["b.json"]
    assert (tmp_path / "a" / "b.json").read_bytes() == b"two"


def test_a_sweep_removes_what_a_crash_left(tmp_path: Path) -> None:
    durable.write(tmp_path / "kept", b"")
    durable.temporary(tmp_path / "kept").write_bytes(b"half")
    durable.sweep(tmp_path)
    assert [it.name for it in tmp_path.iterdir()] == ["kept"]
    durable.sweep(tmp_path / "never made")


def test_a_lock_of_a_killed_process_is_free_again(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        holder.kill()
        with durable.lock(path):
            assert path.exists()
