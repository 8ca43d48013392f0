"""The simulated venue's core: matching, filters, balances and positions, without I/O or clock."""
