"""What each of several workers gets of the machine: a GPU of its own, or a share of the cores."""

import os
import shutil
import subprocess
from collections.abc import Mapping

_GPUS = "CUDA_VISIBLE_DEVICES"
_THREADS = "OMP_NUM_THREADS"


def gpus(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The NVIDIA GPUs that may be used, as CUDA names them; none where there is no driver."""
    if _GPUS in environ:
        return tuple(name for name in environ[_GPUS].split(",") if name.strip())
    if shutil.which("nvidia-smi") is None:
        return ()
    command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return tuple(told.stdout.split()) if told.returncode == 0 else ()


def shares(workers: int, environ: Mapping[str, str]) -> list[dict[str, str]]:
    """The variables by which `workers` runs share the machine; nothing to share for one alone.

    GPUs are given out in turn. A number of threads that a person set stays.
    """
    if workers == 1:
        return [{}]
    found = gpus(environ)
    threads = max(1, (os.cpu_count() or 1) // workers)
    fixed = {} if _THREADS in environ else {_THREADS: str(threads)}
    return [fixed | ({_GPUS: found[i % len(found)]} if found else {}) for i in range(workers)]
