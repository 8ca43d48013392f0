"""Where the dbt project is, and its parsed manifest, prepared once for each state of its files.

The manifest lies in the project's ``target/``, outside version control, under the digest of the
project's files and of the dbt that parsed them: a fresh one costs a code location nothing, and no
stale one is ever loaded. Parsing needs no network and no database.
"""

import hashlib
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from data_platform.errors import Refused
from trading_runtime.store import durable

PROJECT = Path(__file__).parents[3] / "dbt"
MANIFEST = "manifest.json"
PARTIAL_PARSE = "partial_parse.msgpack"
SUFFIXES = {".sql", ".yml", ".csv", ".md"}


def executable() -> str:
    """Give the ``dbt`` of this environment, whatever ``PATH`` says."""
    return str(Path(sys.executable).with_name("dbt"))


def arguments(project: Path, target: Path) -> list[str]:
    """Give what every dbt command of ours ends with: no network, nothing written elsewhere."""
    return [
        "--no-version-check",
        "--no-send-anonymous-usage-stats",
        "--no-use-colors",
        "--project-dir",
        str(project),
        "--profiles-dir",
        str(project),
        "--target-path",
        str(target),
        "--log-path",
        str(target),
    ]


def files(project: Path) -> list[Path]:
    return sorted(
        path
        for path in project.rglob("*")
        if path.suffix in SUFFIXES and path.relative_to(project).parts[0] != "target"
    )


def digest(project: Path) -> str:
    """Digest the project's files and the versions that read them."""
    found = hashlib.sha256(f"{version('dbt-core')} {version('dbt-duckdb')}\n".encode())
    for path in files(project):
        found.update(f"{path.relative_to(project)} {durable.sha256(path)}\n".encode())
    return found.hexdigest()


def prepared(project: Path = PROJECT) -> Path:
    """Give the folder with the manifest of the project as it is, parsed now where there is none.

    Raises :exc:`~data_platform.errors.Refused` where the project cannot be parsed.
    """
    target = project / "target" / digest(project)[:16]
    if (target / MANIFEST).exists():
        return target
    with durable.lock(project / "target" / "parse.lock"):
        if not (target / MANIFEST).exists():
            parse(project, target)
    return target


def parse(project: Path, target: Path) -> None:
    beside = durable.temporary(target)
    done = subprocess.run(  # noqa: S603 -- our own program and arguments
        [executable(), "parse", *arguments(project, beside)],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Refused(f"{project} is no dbt project that parses: {done.stdout.strip()[-2000:]}")
    beside.rename(target)
