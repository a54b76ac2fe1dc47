"""Readers of program.md: one for each field, or for a few that belong together."""
