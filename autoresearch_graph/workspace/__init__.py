"""Git: the branch, the refs and notes of experiments, and the worktree that they run in."""
