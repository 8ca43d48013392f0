"""The lake, read and committed; shared with the platform."""
