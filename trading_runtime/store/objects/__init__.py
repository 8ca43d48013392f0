"""Object storage: a folder, or any S3."""
