"""Minutes of ticks into the published hours of the lake."""
