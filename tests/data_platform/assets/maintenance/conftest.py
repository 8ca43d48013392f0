"""The database server of the tests."""

from tests.servers.postgres import database, postgres_port

__all__ = ["database", "postgres_port"]
