"""The simulated venue's core: matching, filters, balances, positions. No I/O, no clock, no chance."""
