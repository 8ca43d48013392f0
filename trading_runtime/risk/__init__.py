"""What may not happen: the gate before an order, the limits over time, PanicStop."""
