"""Checks and set-up of a project before its first run."""
