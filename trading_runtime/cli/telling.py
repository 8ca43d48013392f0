"""What a process prints for whoever started it; here alone, for all commands load it."""

READY = "ready"
"""What a process prints, alone on a line, once it does its work."""


def tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201 -- read by the supervisor
