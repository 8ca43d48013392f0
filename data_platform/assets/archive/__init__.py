"""What goes to the archive, for how long it stays where, and what may go here."""
