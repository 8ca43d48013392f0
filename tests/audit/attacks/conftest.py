"""One log that real processes made, for all attacks of a session."""

from collections.abc import Iterator

import pytest

from tests.audit.attacks.forging import Made
from tests.audit.attacks.world import World, lived


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """A log that was lived, its processes at an end; what is attacked is copies of it."""
    with World() as made:
        lived(made)
        yield made


@pytest.fixture(scope="session")
def attacked(world: World) -> Made:
    return world.made()
