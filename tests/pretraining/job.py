"""Runs of the main job in processes of their own, and what they print."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
STEPS = 12


def start(
    script: Path, cache: Path, *command: str, seed: int = 0, folder: Path = ROOT
) -> subprocess.Popen[str]:
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env |= {"AUTORESEARCH_CACHE": str(cache), "CUDA_VISIBLE_DEVICES": ""}
    env |= {"AUTORESEARCH_SEED": str(seed), "AUTORESEARCH_STEPS": str(STEPS)}
    pipe = subprocess.PIPE
    argv = [sys.executable, str(script), *command]
    return subprocess.Popen(argv, cwd=folder, env=env, stdout=pipe, stderr=pipe, text=True)


def value(name: str, output: str) -> str:
    found = re.search(rf"^{name}: (\S+)$", output, re.MULTILINE)
    assert found, output
    return found[1]
