"""PostgreSQL for the export of its audit index."""

from tests.servers.postgres import database, postgres_port

__all__ = ["database", "postgres_port"]
