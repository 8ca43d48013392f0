"""The process of :mod:`dying`, whose children are killed at the step that is asked for."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[4]
PRUNES = "2025-12-05"
"""As of then the local files of the day are old enough."""


class Runs:
    """The process whose children die."""

    def __init__(self, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.data_platform.assets.archive.dying"],
            cwd=ROOT,
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.answer() == "ready"

    def run(self, step: int, location: str, data: Path, as_of: str = PRUNES) -> str:
        self.ask(step, location, data, as_of)
        return self.answer()

    def kill(self, step: int, location: str, data: Path, as_of: str = PRUNES) -> None:
        """Kill a run at a step; it may have been through in fewer, as threads share a folder."""
        said = self.run(step, location, data, as_of)
        assert said == "killed" or int(said) < step

    def finish(self, location: str, data: Path, as_of: str = PRUNES) -> None:
        """Run to the end; there may be nothing left to do."""
        assert self.run(0, location, data, as_of).isdecimal()

    def ask(self, step: int, location: str, data: Path, as_of: str = PRUNES) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{step} {location} {data} {as_of}\n")
        self._process.stdin.flush()

    def answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()
