"""Git: the branch, the refs and notes of experiments, and their worktree."""
