"""The environment variables of a run: an allow-list, and never a credential.

Not covered: a secret under an innocent name whose value looks like nothing in particular, and
secrets in files. Beside the list, a run gets what program.md names under Environment, unless
its name or its value looks like a credential or a socket; there is no way to pass those.

PYTHONPATH is left out unless named: a run imports from its checkout and the lab's interpreter. A
package of the project that was installed in place is imported from the checkout (`importing`).
No bytecode is written: Python takes a cached module for current when size and second agree,
so a number changed in the asset could go unnoticed by an evaluation that imports it.
"""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from autoresearch_graph.core.program import Environment
from autoresearch_graph.core.text import is_credential

_ALLOWED = (
    "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "TERM",
    "XDG_*_HOME", "XDG_*_DIRS", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_*",
    "CUDA_*", "CUDNN_*", "NCCL_*", "NVIDIA_*", "ROCR_*", "ROCM_*", "HIP_*", "HSA_*", "OMP_*",
    "MKL_*", "KMP_*", "OPENBLAS_*", "PYTORCH_*", "TORCH_*", "TRITON_*", "TORCHINDUCTOR_*",
)  # fmt: skip


def run_environment(
    base: Mapping[str, str], environment: Environment, *, seconds: float, seed: int
) -> dict[str, str]:
    """Return the variables of a run: some of `base`, its time box (seconds) and its seed.

    `python` is the lab's.
    """
    allowed = (*_ALLOWED, *environment.variables)
    passed = {
        name: value
        for name, value in base.items()
        if any(fnmatchcase(name, pattern) for pattern in allowed) and not is_credential(name, value)
    }
    return {
        "OMP_WAIT_POLICY": "PASSIVE",
        **passed,
        "PATH": os.pathsep.join(
            [str(Path(sys.executable).parent), base.get("PATH") or os.defpath, str(STAND_INS)]
        ),
        "PYTHONUNBUFFERED": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AUTORESEARCH_TIME_BOX": f"{seconds:g}",
        "AUTORESEARCH_SEED": str(seed),
    }


def command_path() -> str:
    """Return the PATH in which the commands of a run are looked for."""
    return run_environment(os.environ, Environment(), seconds=0, seed=0)["PATH"]


def importing(
    folders: Sequence[Path], command: str, environment: Mapping[str, str]
) -> tuple[str, Mapping[str, str]]:
    """Return a command and its environment in which Python imports from `folders` first.

    Also where the command sets PYTHONPATH itself.
    """
    if not folders:
        return command, environment
    first = os.pathsep.join(map(str, folders))
    own = filter(None, [first, environment.get("PYTHONPATH")])
    quoted = shlex.quote(first + os.pathsep)
    command = re.sub(r"\bPYTHONPATH=", lambda found: found[0] + quoted, command)
    return command, {**environment, "PYTHONPATH": os.pathsep.join(own)}


STAND_INS = Path(__file__).with_name("stand_ins")
_USED = re.compile(r"(?:^|[;&|(\s])uv\s+run\b")


def uv_variables(project: Path) -> dict[str, str]:
    """Return the variables with which uv, or its stand-in, uses an environment unchanged."""
    own = project / ".venv"
    fixed = {"UV_NO_SYNC": "1", "UV_OFFLINE": "1", "UV_PYTHON_DOWNLOADS": "never"}
    return fixed | ({"UV_PROJECT_ENVIRONMENT": str(own)} if own.is_dir() else {})


def uv_folders(project: Path) -> tuple[Path, ...]:
    """Return the folders that uv reads for that: the environment, and its Python."""
    own = project / ".venv"
    try:
        lines = (own / "pyvenv.cfg").read_text("utf-8").splitlines()
    except OSError:
        return ()
    settings = dict(line.split(" = ", 1) for line in lines if " = " in line)
    return (own, *(Path(home).parent for home in filter(None, [settings.get("home")])))


def uses_uv(command: str) -> bool:
    """Return True if a command runs something with uv."""
    return bool(_USED.search(command))


def uv_caveat(command: str, project: Path) -> str:
    """Return a warning about a command that uses uv, or nothing."""
    if not uses_uv(command):
        return ""
    own = (project / ".venv").is_dir()
    if not (shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))):
        where = "the project's .venv" if own else "the lab's own environment"
        return f"uv is not installed: `uv run` is left out, and {where} is used"
    if not own and (project / "pyproject.toml").exists():
        return "uv has no environment to run in, and a run has no network to make one: uv sync"
    return ""
