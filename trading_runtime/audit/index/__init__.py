"""The log as tables that can be searched, in SQLite or PostgreSQL, append-only."""
