"""Where the data lies: one folder, named by the environment in ``definitions`` alone."""

from pathlib import Path

import dagster as dg


class DataFolder(dg.ConfigurableResource[None]):  # type: ignore[explicit-any]  # Dagster's base
    path: str

    @property
    def root(self) -> Path:
        return Path(self.path)
