"""The market maker: a live process that records everything it sees and does."""
