"""The CPU time of a command and of all that it starts, also of children that nobody waits for.

A counter of the kernel (perf_event_open(2)) is inherited by every process below the thread that
opens it, and keeps what they used when they are gone. It needs no right beyond one's own processes
(perf_event_paranoid 2, Linux's default). Not covered: machines that allow no such counter, such as
most containers of Docker; there the samples of the watchdog have to do.
"""

import ctypes
import os
import platform
import struct
import sys

_CALL = {"x86_64": 298, "aarch64": 241, "riscv64": 241}  # of perf_event_open
_SOFTWARE, _TASK_CLOCK = 1, 1  # linux/perf_event.h; the clock counts nanoseconds
_FLAGS = 1 << 0 | 1 << 1 | 1 << 5 | 1 << 6 | 1 << 12
# disabled, inherit, exclude_kernel, exclude_hv (both need no right), enable_on_exec
_CLOSE_ON_EXEC = 8
_SIZE = 128  # of struct perf_event_attr; what is not set is zero


class CpuCounter:
    """Counts from the next exec of a child that this thread starts; close it when that is done."""

    def __init__(self) -> None:
        self._file = _opened()

    def seconds(self) -> float | None:
        """CPU seconds so far; None where this machine does not count them."""
        if self._file is None:
            return None
        return float(struct.unpack("Q", os.read(self._file, 8))[0] / 1e9)

    def close(self) -> None:
        """Stop counting; harmless when called twice."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


def _opened() -> int | None:
    call = _CALL.get(platform.machine()) if sys.platform == "linux" else None
    if call is None:
        return None
    wanted = bytearray(_SIZE)
    struct.pack_into("IIQ", wanted, 0, _SOFTWARE, _SIZE, _TASK_CLOCK)
    struct.pack_into("Q", wanted, 40, _FLAGS)  # after sample_period, sample_type and read_format
    buffer = ctypes.create_string_buffer(bytes(wanted), _SIZE)
    file = ctypes.CDLL(None).syscall(call, buffer, 0, -1, -1, _CLOSE_ON_EXEC)
    return int(file) if file >= 0 else None
