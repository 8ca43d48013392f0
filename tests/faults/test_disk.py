"""The runtime on a disk that fills up, and on one that loses its power."""

import subprocess
from pathlib import Path

from tests.app.sessions import tapedeck
from tests.faults.crashing import (
    READY_WITHIN_S,
    hurried_settings,
    kill,
    live_until,
    start_runtime,
    stop,
)
from tests.journal.disks import fill, loop_disk
from tests.live.venue import SimulatedVenue
from trading_runtime.journal.folder import find_sessions, read_synced
from trading_runtime.journal.reader import read_session
from trading_runtime.journal.verify import verify_session
from trading_runtime.records.commands import CancelOrder, PlaceOrder
from trading_runtime.records.envelope import decode_body
from trading_runtime.records.inputs import JournalFailed
from trading_runtime.records.observations import ServiceStarted


def test_a_full_disk_ends_trading_with_everything_cancelled_and_on_the_record(
    tmp_path: Path,
) -> None:
    settings = hurried_settings(tmp_path / "hurried.toml")
    with SimulatedVenue(tmp_path / "venue") as venue, loop_disk(tmp_path) as disk:
        data = disk.root / "data"
        runtime = start_runtime(data, settings, venue)
        live_until(runtime, 1.0)
        fill(disk.root / "ballast", leave=40_000)
        printed, _ = runtime.communicate(timeout=READY_WITHIN_S)
        assert runtime.returncode == 1
        assert "the journal takes no more, trading has stopped" in printed

        (folder,) = find_sessions(data)
        assert verify_session(folder).problem == ""
        bodies = [decode_body(record.body) for record in read_session(folder)]
        failed = next(i for i, body in enumerate(bodies) if isinstance(body, JournalFailed))
        after = bodies[failed:]
        assert not [body for body in after if isinstance(body, PlaceOrder)]
        assert [body for body in after if isinstance(body, CancelOrder)]
        done = tapedeck("replay", data, "--check")
        assert done.returncode == 0, done.stdout + done.stderr

        # Without room there is no start, and it is said in one line.
        where = ("--venue-url", venue.url, "--keys", venue.keys)
        refused = tapedeck("run", "--data", data, "--settings", settings, *where)
        assert refused.returncode in {1, 2}
        assert refused.stderr.startswith("tapedeck: ")
        assert refused.stderr.count("\n") == 1

        (disk.root / "ballast").unlink()
        runtime = start_runtime(data, settings, venue)
        live_until(runtime, 1.0)
        stop(runtime)
        # The refused start may have left a session of its own, whole or cut off in its opening.
        folders = find_sessions(data)
        assert [verify_session(each).problem for each in folders] == [""] * len(folders)
        started = [
            body
            for record in read_session(folders[-1])
            if isinstance(body := decode_body(record.body), ServiceStarted)
        ]
        assert len(started) == 1
        assert started[0].recovered_from in {each.name for each in folders[:-1]}


def test_a_power_cut_takes_nothing_that_was_published_as_synced(tmp_path: Path) -> None:
    settings = hurried_settings(tmp_path / "hurried.toml")
    with SimulatedVenue(tmp_path / "venue") as venue, loop_disk(tmp_path) as disk:
        data = disk.root / "data"
        runtime = start_runtime(data, settings, venue)
        live_until(runtime, 1.0)
        (folder,) = find_sessions(data)
        published = read_synced(folder)
        disk.cut_power()
        kill(runtime)
        disk.unmount()
        disk.mount()
        verdict = verify_session(folder)
        assert verdict.problem == ""
        assert published is not None
        assert verdict.last_seq >= published.seq > 0
        done = tapedeck("replay", data, "--check")
        assert done.returncode == 0, done.stdout + done.stderr

        runtime = start_runtime(data, settings, venue)
        live_until(runtime, 1.0)
        stop(runtime)
        for each in find_sessions(data):
            done = tapedeck("replay", data, "--check", "--session", each.name)
            assert done.returncode == 0, done.stdout + done.stderr


def test_two_runtimes_on_one_folder_do_not_share_a_session(tmp_path: Path) -> None:
    settings = hurried_settings(tmp_path / "hurried.toml")
    data = tmp_path / "data"
    with SimulatedVenue(tmp_path / "venue") as venue:
        first = start_runtime(data, settings, venue, quoting=False)
        second = subprocess.run(
            first.args, capture_output=True, text=True, check=False, timeout=READY_WITHIN_S
        )
        assert second.returncode == 2
        assert "another runtime" in second.stderr
        stop(first)


def test_two_runtimes_on_one_account_are_not_let_in_either(tmp_path: Path) -> None:
    settings = hurried_settings(tmp_path / "hurried.toml")
    with SimulatedVenue(tmp_path / "venue") as venue:
        first = start_runtime(tmp_path / "one", settings, venue, quoting=False)
        where = ("--venue-url", venue.url, "--keys", venue.keys)
        second = tapedeck("run", "--data", tmp_path / "two", "--settings", settings, *where)
        assert second.returncode == 2
        assert "trades on this account" in second.stderr
        stop(first)
