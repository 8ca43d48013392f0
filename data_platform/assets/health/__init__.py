"""Whether the recording of an hour was well: looked at each hour, told at once where it was not."""
