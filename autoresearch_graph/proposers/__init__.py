"""Proposers of the next experiment."""
