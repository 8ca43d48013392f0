"""The producer of the runtime's entries: from journals to submissions."""
