"""The servers that these tests talk to."""

from tests.servers.postgres import database, postgres_port

__all__ = ["database", "postgres_port"]
