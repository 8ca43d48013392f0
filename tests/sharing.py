"""Which test files share a worker, and which begin first, where several workers run the tests.

A file stays in one worker, so that what it sets up is set up once; files that need the same slow
thing are one piece of work too. What takes long begins first: else the run ends with one worker at
it, and the others idle.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

LIVED = (
    "tests/audit/attacks/test_attacks.py",
    "tests/audit/attacks/test_table.py",
    "tests/audit/attacks/test_users.py",
)
"""One log that real processes made."""
LOADED = (
    "tests/data_platform/checks/",
    "tests/store/lake/",
    "tests/data_platform/assets/ticks/",
    "tests/data_platform/test_definitions.py",
    "tests/data_platform/test_real_capture.py",
    "tests/data_platform/test_sensors.py",
    "tests/data_platform/assets/archive/test_assets.py",
    "tests/data_platform/assets/audit/",
    "tests/data_platform/assets/health/",
    "tests/data_platform/assets/maintenance/test_machine.py",
    "tests/data_platform/assets/models/test_models.py",
    "tests/data_platform/assets/reports/test_daily.py",
    "tests/data_platform/deployment/test_storage.py",
)
"""Kernels to compile, Dagster and Great Expectations to load: 30 s of processor in a new clone."""
STORED = (
    "tests/audit/deployment/test_two_hosts.py",
    "tests/store/archive/test_s3.py",
    "tests/store/cold/",
    "tests/store/objects/test_s3.py",
)
"""One Ceph, and one log with a full block."""

PIECES: tuple[tuple[str, ...], ...] = (
    ("tests/e2e/",),
    ("tests/audit/attacks/test_no_false_alarm.py",),
    LOADED,
    STORED,
    LIVED,
    ("tests/faults/test_killed.py",),
    ("tests/live/test_growth.py",),
    ("tests/live/test_session.py",),
    ("tests/live/test_faults.py",),
    ("tests/live/test_killed.py",),
    ("tests/live/test_power.py",),
    ("tests/audit/deployment/test_one_host.py",),
    ("tests/simulator/clients/test_clients.py",),
    ("tests/audit/attacks/test_pipeline.py",),
    ("tests/audit/test_ledger.py",),
    ("tests/audit/streams/test_source.py",),
    ("tests/cli/test_audit_command.py",),
    ("tests/cli/test_supervisor.py",),
    ("tests/app/test_carrying.py",),
    ("tests/app/test_dispatch.py",),
    ("tests/app/test_feed.py",),
    ("tests/app/test_replay.py",),
    ("tests/watch/test_watchdog.py",),
    ("tests/faults/test_disk.py",),
    ("tests/scribe/test_process.py",),
)
"""In the order in which they begin; every other file follows, a piece of its own."""


NOWHERE = (len(PIECES), 0)


def place(nodeid: str) -> tuple[int, int]:
    """Give the number of the piece that a test is in, and its turn there."""
    for at, piece in enumerate(PIECES):
        for turn, named in enumerate(piece):
            if nodeid.startswith(named):
                return at, turn
    return NOWHERE


def sort(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: place(item.nodeid))


class Sharing(LoadFileScheduling):
    """Hands out pieces in the order of the tests; its parent would sort them by their counts."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        found = place(nodeid)
        return super()._split_scope(nodeid) if found == NOWHERE else PIECES[found[0]][0]
