"""One instrument's market as the venue shows it: book, synchronisation, staleness, signals."""
