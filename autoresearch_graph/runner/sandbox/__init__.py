"""Confinement of a run: bubblewrap, system-call filter, supervisor."""
