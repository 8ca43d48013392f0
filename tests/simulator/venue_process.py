"""A real ``tapedeck simulator`` process for tests, and its control endpoint."""

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

COMMAND = [sys.executable, "-m", "trading_runtime.cli.main", "simulator"]
STOPPED_WITHIN_S = 120


class Running(NamedTuple):
    """``ready`` is what the process printed."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]

    def url(self, path: str, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.ready['port']}{path}"

    def asked(self, method: str, path: str, body: object = None) -> Any:
        """Call the control endpoint; raise :exc:`urllib.error.HTTPError` where it refuses."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.ready["control"] + path, data, method=method)  # noqa: S310 -- loopback
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 -- likewise
            return json.load(answer)


@contextmanager
def running(*options: str) -> Iterator[Running]:
    """Start a simulator on a free port; stop it as an operator would, and see that it ends well."""
    process = subprocess.Popen(
        [*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield Running(process, json.loads(line))
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=STOPPED_WITHIN_S)
        assert (process.returncode, rest, errors) == (0, "", "")
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
