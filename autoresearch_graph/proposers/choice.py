"""Which proposer a person chose."""

from autoresearch_graph.proposers import Proposer
from autoresearch_graph.proposers.constants import find_some
from autoresearch_graph.proposers.mixture import Mixture
from autoresearch_graph.proposers.prices import find_price
from autoresearch_graph.proposers.search import Search
from autoresearch_graph.start import Settings


def choose_proposer(
    settings: Settings, text: str, asset: str, dollars: float | None = None
) -> Proposer:
    """The search, a model, or both; InputError for missing constants, a package or a key.

    A limit in `dollars` needs a model whose price is known.
    """
    if settings.model == "search":
        find_some(text, asset)
        return Search()
    from autoresearch_graph.proposers.model import open_model

    price = find_price(settings.model, settings.prices, limit=dollars)
    chat = open_model(settings.model, base_url=settings.base_url, asset=asset, price=price)
    if not settings.search_share:
        return chat
    find_some(text, asset)
    return Mixture(Search(), chat, share=settings.search_share)


def name_of(settings: Settings) -> str:
    """The choice in a few words."""
    shared = settings.search_share and settings.model != "search"
    return f"{settings.model} and search" if shared else settings.model
