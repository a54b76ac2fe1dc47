"""`uv run` in a checkout that has no `.venv` and no network to make one.

A run uses the project's own environment as it is. Where uv is not installed, a stand-in at the end
of the PATH runs the command without it, in that environment or else in the lab's.
"""

import re
import shutil
import sys
from pathlib import Path

STAND_INS = Path(__file__).with_name("stand_ins")
_USED = re.compile(r"(?:^|[;&|(\s])uv\s+run\b")


def variables(project: Path) -> dict[str, str]:
    """What tells uv, or its stand-in, to use the environment of a project and change nothing."""
    own = project / ".venv"
    fixed = {"UV_NO_SYNC": "1", "UV_OFFLINE": "1", "UV_PYTHON_DOWNLOADS": "never"}
    return fixed | ({"UV_PROJECT_ENVIRONMENT": str(own)} if own.is_dir() else {})


def places(project: Path) -> tuple[Path, ...]:
    """What a run must be able to read for that: the environment, and the Python that it is of."""
    own = project / ".venv"
    try:
        lines = (own / "pyvenv.cfg").read_text("utf-8").splitlines()
    except OSError:
        return ()
    settings = dict(line.split(" = ", 1) for line in lines if " = " in line)
    return (own, *(Path(home).parent for home in filter(None, [settings.get("home")])))


def uses(command: str) -> bool:
    """Whether a command runs something with uv."""
    return bool(_USED.search(command))


def caveat(command: str, project: Path) -> str:
    """What a person should know of a command that uses uv; empty where there is nothing."""
    if not uses(command):
        return ""
    own = (project / ".venv").is_dir()
    if not (shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))):
        where = "the project's .venv" if own else "the lab's own environment"
        return f"uv is not installed: `uv run` is left out, and {where} is used"
    if not own and (project / "pyproject.toml").exists():
        return "uv has no environment to run in, and a run has no network to make one: uv sync"
    return ""
