"""What the checks found, for people: the Data Docs, and the checks of hours as a whole."""
