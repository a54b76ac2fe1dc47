"""Assets that cheat, each tried in a real research; `python -m tests.adversary` shows the table."""
