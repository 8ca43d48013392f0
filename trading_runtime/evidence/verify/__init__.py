"""The verifier: named checks over a log and its cold copy, without the services."""
