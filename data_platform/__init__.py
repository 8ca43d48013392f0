"""The Dagster code location that keeps, checks and reports on what the runtime recorded."""
