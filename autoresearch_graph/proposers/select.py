"""Choice of the proposer: the search, a model, or both by turns."""

from collections.abc import Sequence
from math import floor
from typing import TYPE_CHECKING

from autoresearch_graph.asset.constants import find_some
from autoresearch_graph.core.brief import Brief, Exhausted, Proposer
from autoresearch_graph.core.experiment import Draft
from autoresearch_graph.proposers.llm.pricing import find_price
from autoresearch_graph.proposers.search.proposer import Search
from autoresearch_graph.settings import Settings

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool


def choose_proposer(
    settings: Settings,
    text: str,
    asset: str,
    dollars: float | None = None,
    tools: Sequence["BaseTool"] = (),
) -> Proposer:
    """Return the search, a model, or both; InputError for missing constants, a package or a key.

    A limit in `dollars` needs a model whose price is known. A model may call `tools`, too.
    """
    if settings.model == "search":
        find_some(text, asset)
        return Search()
    from autoresearch_graph.proposers.llm.proposer import open_model

    price = find_price(settings.model, settings.prices, limit=dollars)
    chat = open_model(
        settings.model, base_url=settings.base_url, asset=asset, price=price, tools=tools
    )
    if not settings.search_share:
        return chat
    find_some(text, asset)
    return Mixture(Search(), chat, share=settings.search_share)


def name_of(settings: Settings) -> str:
    """Return the choice in a few words."""
    is_shared = settings.search_share and settings.model != "search"
    return f"{settings.model} and search" if is_shared else settings.model


class Mixture:
    """Proposer that gives the search a share (0 to 1) of the proposals, and a model the rest.

    Published on this very loop: an evolution strategy with 30 % model proposals came out ahead of
    either alone (evidence in docs/decisions/0003).
    """

    def __init__(self, search: Proposer, model: Proposer, *, share: float) -> None:
        self._search = search
        self._model = model
        self._share = share

    def propose(self, brief: Brief) -> Draft:
        """Draft by the one whose turn it is; by the other, if the first has nothing left.

        The turns of the search are spread evenly. The cost of the first is added to the draft's.
        """
        is_search = floor(brief.number * self._share) > floor((brief.number - 1) * self._share)
        first, second = self._model, self._search
        if is_search:
            first, second = second, first
        try:
            return first.propose(brief)
        except Exhausted as reason:
            brief.session.say(str(reason))
            return _after(reason, second, brief)


def _after(first: Exhausted, proposer: Proposer, brief: Brief) -> Draft:
    try:
        draft = proposer.propose(brief)
    except Exhausted as second:
        reason, cost = f"{str(first).rstrip('.')}; {second}", first.cost + second.cost
        raise Exhausted(reason, cost=cost, gave_up=first.gave_up or second.gave_up) from None
    return draft.model_copy(update=dict(first.cost + draft.cost))
