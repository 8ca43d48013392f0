"""What the platform refuses, told in one sentence: what, where, how to mend it."""


class Refused(ValueError):
    """What was asked for or set cannot be done; the message is for whoever asked."""
