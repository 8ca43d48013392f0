"""Where the commands of the audit record find it: its folders, its trust, its producers."""

import os
import pwd
from pathlib import Path

from trading_runtime.audit import keys
from trading_runtime.audit.client.believing import TrustFolder
from trading_runtime.audit.client.log import LogSettings, Producer, ProducerLog
from trading_runtime.audit.privacy.subjects import SubjectKeys
from trading_runtime.audit.settings import AuditSettings
from trading_runtime.audit.streams.opening import open_publisher
from trading_runtime.clock import wall_ns
from trading_runtime.errors import Misread, Refused
from trading_runtime.evidence import layout as places
from trading_runtime.evidence import trust
from trading_runtime.evidence.notes import Vkey
from trading_runtime.evidence.trust import Trust
from trading_runtime.records import layout
from trading_runtime.store.objects.objects import Objects
from trading_runtime.store.objects.opening import open_archive


def open_producer(data: Path, settings: AuditSettings, producer_id: str) -> ProducerLog:
    """Open a producer's own log below the data folder; raise :exc:`Refused` without its key."""
    audit = audit_of(data)
    key = keys.read_key(keys.key_path(audit, keys.producer_name(producer_id)))
    return ProducerLog.open(
        audit / "wal",
        Producer(producer_id, producer_id, key),
        open_publisher(audit, settings, producer_id),
        TrustFolder(audit / "trust"),
        LogSettings(batch_entries=settings.batch_entries, heartbeat_ns=settings.heartbeat_ns),
    )


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
