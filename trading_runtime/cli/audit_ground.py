"""Where the commands of the audit record find it: its folders, its trust, its archive."""

import argparse
import os
import pwd
from pathlib import Path

from trading_runtime.audit.privacy.subjects import SubjectKeys
from trading_runtime.audit.settings import AuditSettings
from trading_runtime.clock import wall_ns
from trading_runtime.config import SHIPPED
from trading_runtime.errors import Misread, Refused
from trading_runtime.evidence import layout as places
from trading_runtime.evidence import trust
from trading_runtime.evidence.notes import Vkey
from trading_runtime.evidence.trust import Trust
from trading_runtime.records import layout
from trading_runtime.store.objects.objects import Objects
from trading_runtime.store.objects.opening import open_archive


def add_deed(
    deeds: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, meaning: str
) -> argparse.ArgumentParser:
    """Add one thing that ``tapedeck audit`` does; each names the data folder and the settings."""
    parser = deeds.add_parser(name, help=meaning)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--settings", type=Path, default=SHIPPED, metavar="FILE")
    return parser


def subjects_of(data: Path) -> SubjectKeys:
    return SubjectKeys(audit_of(data) / "keys" / "subjects")


def user_name() -> str:
    """Give the name of the user that we are; its number where a container knows no name for it."""
    user = os.getuid()
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name or not value:
        raise Refused(f"{text!r} is not written NAME=VALUE")
    return name, value


def archive_of(data: Path, settings: AuditSettings) -> Objects:
    """Open the archive to write to; a bucket is probed first."""
    return open_archive(settings.archive, data / "archive", settings.archive_endpoint, wall_ns())


def audit_of(data: Path) -> Path:
    return Path(layout.audit(data))


def trust_of(data: Path) -> Trust:
    """Read who is believed; raise :exc:`Refused` where no log was begun."""
    path = places.trust_path(audit_of(data))
    try:
        return trust.read(path.read_bytes())
    except FileNotFoundError:
        raise Refused(f"{path} is not there: begin a log with `tapedeck audit init`") from None
    except Misread as misread:
        raise Refused(f"{path} cannot be read: {misread}") from None


def vkey_of(text: str) -> Vkey:
    try:
        return Vkey.parse(text)
    except Misread as misread:
        raise Refused(f"{text!r} is no verifier key: {misread.detail}") from None
