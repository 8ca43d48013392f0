"""What an auditor reads: entries, trees, notes, digests, and the verifier of all of them."""
