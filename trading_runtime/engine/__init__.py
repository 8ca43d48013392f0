"""The reducer: one input in, state moved, commands and facts out. See ``docs/engine.md``."""
