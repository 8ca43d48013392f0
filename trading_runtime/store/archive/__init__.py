"""The archive: what may leave the disk, each byte checked and every step right to be killed at."""
