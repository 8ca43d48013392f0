"""What several test folders share: real input beside the checkout, servers, the workers' turns."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer

from tests import sharing
from tests.servers.ceph import ceph
from tests.servers.postgres import database, postgres_port

__all__ = ["ceph", "database", "postgres_port"]

# The same examples each time, however slow the machine is. Others: `--hypothesis-profile=default`.
settings.register_profile(
    "steady",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steady")

SHARED_DATA = Path(__file__).parents[1] / ".." / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Give the folder of recorded exchange traffic, or skip where it does not lie beside us."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no ../shared/data beside the checkout: recorded traffic is not shipped")
    return SHARED_DATA.resolve()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    sharing.sort(items)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Spare the garbage collector what is imported: it stays, and is looked through each time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


def pytest_unconfigure() -> None:
    gc.unfreeze()  # at the end all goes: libraries tell what does not


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> sharing.Sharing | None:
    """Let the workers of ``--dist loadfile`` share as :mod:`tests.sharing` says."""
    return sharing.Sharing(config, log) if config.option.dist == "loadfile" else None
