"""The wiring: the only room that constructs. Each module is one way to feed the core."""
