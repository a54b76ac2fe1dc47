"""Templates, styles and script of the report."""

from autoresearch_graph.core.resources import texts

TEXTS = texts("report")
