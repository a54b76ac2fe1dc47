"""What a model may call while it writes a proposal, and the desk at which it does."""

from autoresearch_graph.tools.session import Desk, Refusal

__all__ = ["Desk", "Refusal"]
