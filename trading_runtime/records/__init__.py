"""The grammar of what is written: one struct per event, the envelope, the segment, the paths.

Both packages read it, so it imports the standard library and msgspec and nothing else.
"""
