"""Tests of asset."""
