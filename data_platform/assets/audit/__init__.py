"""The audit record: verified each day, copied to the archive, and its locks kept long enough."""
