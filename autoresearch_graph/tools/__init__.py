"""Tools of a model that writes a proposal, and the session that they act on."""

from autoresearch_graph.tools.session import EditSession, ToolRefused

__all__ = ["EditSession", "ToolRefused"]
