"""The watchdog: another process, with its own key, that withdraws orders nobody looks after."""
