"""Who else trades at the simulated venue: generated or recorded flow, and the mark price."""
