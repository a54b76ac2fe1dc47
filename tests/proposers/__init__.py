"""Tests of proposers."""
