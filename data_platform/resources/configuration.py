"""The settings file, as assets are handed it."""

from functools import cached_property
from pathlib import Path

import dagster as dg

from data_platform.settings import Settings, load_settings


class Configuration(dg.ConfigurableResource[None]):  # type: ignore[explicit-any]  # Dagster's base
    path: str = ""
    """Of the settings file; empty: the shipped one."""

    @cached_property
    def settings(self) -> Settings:
        return load_settings(Path(self.path) if self.path else None)
