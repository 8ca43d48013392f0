"""The witness: it remembers the largest tree that it saw, and never goes back."""
