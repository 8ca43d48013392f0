"""What assets are handed: the data folder and the clock."""
