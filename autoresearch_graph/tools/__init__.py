"""What a model may call while it writes a proposal, and the desk at which it does."""

from autoresearch_graph.tools.session import EditSession, ToolRefused

__all__ = ["EditSession", "ToolRefused"]
