"""Where to quote: the shipped grid maker, what a user's own class sees, and how one is loaded."""
