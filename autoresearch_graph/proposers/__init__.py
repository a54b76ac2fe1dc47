"""Proposers: who writes the next experiment."""
