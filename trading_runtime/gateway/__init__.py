"""Transports: where frames come from and where commands go. It never decides."""
