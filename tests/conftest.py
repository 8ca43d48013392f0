"""What several test folders share: real input beside the checkout."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).parents[1] / ".." / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Give the folder of recorded exchange traffic, or skip where it does not lie beside us."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no ../shared/data beside the checkout: recorded traffic is not shipped")
    return SHARED_DATA.resolve()
