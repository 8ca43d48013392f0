"""How true the machine's clock is: what the kernel knows from whoever disciplines it."""

import ctypes

from trading_runtime.evidence.digest import ClockQuality

_UNSYNCED = 0x0040
"""STA_UNSYNC of ``<sys/timex.h>``."""
_ERROR = 5
"""TIME_ERROR, the answer while the clock is not synchronised."""


class _Timex(ctypes.Structure):
    """The beginning of ``struct timex`` of Linux on 64 bits, and room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


def measure() -> ClockQuality:
    """Ask the kernel; where it does not answer, nothing is claimed."""
    timex = _Timex()
    state = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    if state < 0:
        return ClockQuality(source="unknown", synced=False, max_error_us=None)
    synced = state != _ERROR and not timex.status & _UNSYNCED
    return ClockQuality(source="kernel", synced=synced, max_error_us=int(timex.maxerror))
