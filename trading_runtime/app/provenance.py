"""Which code, strategy and settings are running here: what a session's header records.

A replay that shall be byte for byte needs the same ones; ``differences`` says what is not.
"""

import hashlib
import platform
import subprocess
from functools import cache
from importlib.metadata import version as installed_version
from pathlib import Path

import msgspec

from trading_runtime.errors import Refused
from trading_runtime.records.inputs import SessionOpened
from trading_runtime.strategy.interface import Strategy
from trading_runtime.strategy.loading import load, shipped

PACKAGE = Path(__file__).parents[1]
PURE_ROOMS = (
    "account",
    "core",
    "engine",
    "engine.py",
    "errors.py",
    "market",
    "oms",
    "records",
    "risk",
    "strategy",
)
COMPUTING_LIBRARIES = ("msgspec",)


class StrategyText(msgspec.Struct, frozen=True):
    """A strategy as named in the settings: a shipped name, or ``FILE:CLASS`` with its source."""

    name: str
    source: str
    sha256: str

    def build(self) -> Strategy:
        """Make the strategy; raise :exc:`Refused` where its text may not run."""
        path, _, class_name = self.name.rpartition(":")
        return load(self.source, class_name, path) if path else shipped(self.name)


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """What runs here. ``settings`` is None where the session's own are to be taken."""

    version: str
    git_revision: str
    code_sha256: str
    libraries: tuple[tuple[str, str], ...]
    strategy: StrategyText | None
    settings: bytes | None


def read_strategy(name: str) -> StrategyText:
    """Read what ``name`` stands for; a shipped strategy's text is part of the code."""
    path, _, class_name = name.rpartition(":")
    if not path:
        return StrategyText(name, "", digest(name.encode()))
    file = Path(path)
    if not file.is_file() or not class_name:
        raise Refused(f"no strategy file {path}: name it as FILE:CLASS, or a shipped one")
    source = file.read_text(encoding="utf-8")
    return StrategyText(name, source, digest(source.encode()))


def here(strategy: StrategyText | None, settings: bytes | None) -> Provenance:
    """Look at the code that is running."""
    libraries = [("python", platform.python_version())]
    libraries += [(name, installed_version(name)) for name in COMPUTING_LIBRARIES]
    return Provenance(
        version=installed_version("tapedeck"),
        git_revision=git_revision(),
        code_sha256=code_digest(),
        libraries=tuple(libraries),
        strategy=strategy,
        settings=settings,
    )


@cache
def code_digest() -> str:
    """SHA-256 over names and bytes of the sources that decide, the pure rooms, when first asked."""
    whole = hashlib.sha256()
    for room in PURE_ROOMS:
        path = PACKAGE / room
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path] * path.is_file():
            whole.update(file.relative_to(PACKAGE).as_posix().encode() + b"\0")
            whole.update(hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()


@cache
def git_revision() -> str:
    """Give the commit of the checkout that runs, with ``+`` when it was changed; else nothing."""
    git = ["git", "-C", str(PACKAGE.parent)]
    try:
        head = subprocess.run(  # noqa: S603 -- our own words
            [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        )
        dirty = subprocess.run(  # noqa: S603 -- likewise
            [*git, "status", "--porcelain", "--", PACKAGE.name],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head.stdout.strip() + "+" * bool(dirty.stdout)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def differences(header: SessionOpened, running: Provenance) -> tuple[str, ...]:
    """Say in one line each what differs between a session's header and what runs here."""
    found = []
    if header.code_sha256 != running.code_sha256:
        of = header.git_revision[:12] or "unknown revision"
        found.append(f"code: the session ran {header.version} ({of}), this is another")
    if header.libraries != running.libraries:
        found.append(f"libraries: {listed(header.libraries)} then, {listed(running.libraries)} now")
    strategy = running.strategy
    if strategy is not None and strategy.sha256 != header.strategy_sha256:
        found.append(f"strategy: the text of {strategy.name} is not the session's")
    if digest(header.settings) != header.settings_sha256:
        found.append("settings: the header's digest is not that of its settings")
    elif running.settings is not None and running.settings != header.settings:
        found.append("settings: not the session's")
    return tuple(found)


def listed(libraries: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{name} {version}" for name, version in libraries)
