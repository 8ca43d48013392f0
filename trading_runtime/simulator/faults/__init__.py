"""What can go wrong at the simulated venue, on demand and repeatably."""
