"""The nightly care (DP-8): backups that are restored, disk space, system, Dagster's own past."""
