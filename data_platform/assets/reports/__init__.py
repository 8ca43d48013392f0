"""The daily inspection report, recomputed from the record."""
