"""Whether the audit service runs: what it declares can only be waited for while it does."""

from pathlib import Path

from trading_runtime.audit.rotation import LOCK

LOCKS = Path("/proc/locks")
INODE_FIELD = 5


def is_running(audit: Path) -> bool:
    """Tell whether somebody holds the lock of the service, without touching it.

    To try for the lock would keep a service that starts just then from getting it.
    """
    try:
        inode = f":{(audit / LOCK).stat().st_ino}"
    except FileNotFoundError:
        return False
    held = (line.split() for line in LOCKS.read_text().splitlines())
    return any(len(line) > INODE_FIELD and line[INODE_FIELD].endswith(inode) for line in held)
