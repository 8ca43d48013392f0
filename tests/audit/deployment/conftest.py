"""The servers that these tests talk to, for the session."""

from tests.servers.ceph import ceph

__all__ = ["ceph"]
