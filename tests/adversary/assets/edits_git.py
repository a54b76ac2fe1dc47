"""Leaves a hook, an alias and a moved branch in the repository.

Stopped by: a run has no .git, and sees none of the project's.
"""

from contextlib import suppress
from pathlib import Path

from prepare import diagonal, save

save(diagonal(0.2))
for folder in (Path(), *list(Path.cwd().parents)[:4]):
    with suppress(OSError):
        git = folder / ".git"
        if git.is_file():
            git = Path(git.read_text().removeprefix("gitdir:").strip()).parent.parent
        hook = git / "hooks" / "post-commit"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\ntrue\n")
        hook.chmod(0o755)
        with (git / "config").open("a") as config:
            config.write("[alias]\n\tstatus = !true\n")
        (git / "refs/heads/main").write_text("0" * 40 + "\n")
