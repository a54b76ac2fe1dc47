"""Templates, styles and script of the report."""

from autoresearch_graph.shipped import texts

TEXTS = texts("report")
