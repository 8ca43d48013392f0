"""The truth: appended before it is understood, synced, sealed, recovered, followed."""
