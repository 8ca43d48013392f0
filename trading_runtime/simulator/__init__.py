"""The wire-level venue: its order flow and its protocol."""
