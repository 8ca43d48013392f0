"""Days that were never lived, recorded as real ones are, at the pace of the processor."""
