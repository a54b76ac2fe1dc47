"""Helpers of tests about checkouts."""

from pathlib import Path

from tests.support.projects import PROGRAM, asset, git, make_project

WORSE, BETTER = asset(9.0), asset(2.0)
GIT_DIR = '"$(git rev-parse --git-dir)"'
COMMITTED = {"sub/data.txt": "data\n", "sub/deep/x.txt": "x\n", "run.sh": "#!/bin/sh\n"}
DESTROYED = {
    "the folder is removed by its run": 'd=$PWD; cd /; rm -rf "$d"',
    "the folder is emptied": "rm -rf * .git",
    "git's record of it is removed": f"rm -rf {GIT_DIR}; touch sub/data.txt",
    "git's record of it is broken": f"rm {GIT_DIR}/commondir",
    "the folder became a file": 'd=$PWD; cd /; rm -rf "$d"; touch "$d"',
    "the link to git leads elsewhere": "echo 'gitdir: /nowhere' > .git",
    "git forgot it": 'git worktree remove --force "$PWD"',
    "it is locked and removed": 'git worktree lock .; rm -rf "$PWD"/* .git',
}
HARMLESS = {
    "a lock on the index": f"touch {GIT_DIR}/index.lock sub/data.txt",
    "only the mode": "chmod +x run.sh && ./run.sh",
    "a file that nobody may read": "chmod 000 sub/data.txt",
    "a file with the same content": "cp sub/data.txt y; mv y sub/data.txt",
    "a file that has a second name": "ln sub/data.txt snapshot",
    "a folder that is not read": "chmod 000 sub/deep sub",
    "a folder that is not written": "chmod 500 .",
    "a checkout that is not read": "chmod 000 .",
    "a cache like that of Go": (
        "mkdir -p gopath/mod/a/b; echo x > gopath/mod/a/b/c.go; chmod -R a-w gopath"
    ),
    "folders closed in each other": "mkdir -p a/b/c; chmod 000 a/b/c a/b a",
    "notes in no file": (
        "python3 -c \"import os; os.setxattr('.', 'user.note', b'x');"
        " os.setxattr('sub/data.txt', 'user.note', b'x')\" || true"
    ),
    "folders too deep for a recursion": "for i in $(seq 1200); do mkdir d; cd d; done",
}


def committed(folder: Path, *, program: str = PROGRAM) -> Path:
    """A project with folders of committed files."""
    project = make_project(folder, program=program)
    for name, text in COMMITTED.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=more")
    return project
