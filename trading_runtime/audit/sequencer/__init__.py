"""Submissions in, entries out: the one process that writes the log."""
