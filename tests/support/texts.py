"""Helpers of tests about texts."""

from tests.support.projects import asset

WORSE, BETTER, BEST = asset(9.0), asset(2.0), asset(1.0)
