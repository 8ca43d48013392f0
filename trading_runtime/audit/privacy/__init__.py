"""Personal fields, encrypted per subject where an entry is made, and erased by their key."""
