"""Run as a script: become the command given, as a child that dies with its parent.

``python launcher.py PARENT [NAME=VALUE …] -- COMMAND …``. It resets the signals that a shell may
have told us to ignore (a child of a background job inherits that), asks the kernel for SIGTERM when
the parent dies, and becomes the command. It imports nothing of ours: it costs milliseconds.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""``prctl(2)``; it survives the exec, and fires when the thread that started us ends."""
PARENT_GONE = 70
NOT_FOUND = 127
"""As a shell says it."""


def launch(parent: int, variables: list[str], command: list[str]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        sys.exit(PARENT_GONE)
    for variable in variables:
        name, _, value = variable.partition("=")
        os.putenv(name, value)
    try:
        os.execvp(command[0], command)  # noqa: S606 -- the command is the supervisor's own
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error.strerror}\n")
        sys.exit(NOT_FOUND)


if __name__ == "__main__":
    border = sys.argv.index("--")
    launch(int(sys.argv[1]), sys.argv[2:border], sys.argv[border + 1 :])
