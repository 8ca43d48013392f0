"""Our orders: their table, their life, and the fewest actions from what rests to what is wanted."""
