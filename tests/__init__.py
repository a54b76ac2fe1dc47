"""Tests of the whole, through its front door."""

import pytest

pytest.register_assert_rewrite("tests.support")
