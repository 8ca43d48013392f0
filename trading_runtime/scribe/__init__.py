"""The followers that write files and rows: log lines, ticks."""
