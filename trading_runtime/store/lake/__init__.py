"""The published lake as its readers see it: scans, books, bars, events, named datasets."""
