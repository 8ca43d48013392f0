"""One Ceph for the rehearsals of a session."""

from tests.servers.ceph import ceph

__all__ = ["ceph"]
