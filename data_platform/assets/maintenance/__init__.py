"""The nightly care (DP-8): backups that are restored, disk space, the system, Dagster's own past."""
