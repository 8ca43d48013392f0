"""Which promises a dataset has to keep before it is published."""
