"""The search and a model by turns, both seeing the same ledger."""

from math import floor

from autoresearch_graph.experiment import Draft
from autoresearch_graph.proposers import Brief, Exhausted, Proposer


class Mixture:
    """Gives the search a share (0 to 1) of the proposals, evenly spread, and a model the rest.

    Published on this very loop: an evolution strategy with 30 % model proposals came out ahead of
    either alone (evidence in docs/decisions/0003).
    """

    def __init__(self, search: Proposer, model: Proposer, *, share: float) -> None:
        self._search = search
        self._model = model
        self._share = share

    def propose(self, brief: Brief) -> Draft:
        """Have the one whose turn it is propose; the other, where that has nothing left.

        What the first has spent is added to what the other's draft costs.
        """
        turn = floor(brief.number * self._share) > floor((brief.number - 1) * self._share)
        first, second = (self._search, self._model)[:: 1 if turn else -1]
        try:
            return first.propose(brief)
        except Exhausted as reason:
            brief.tell(str(reason))
            return _after(reason, second, brief)


def _after(first: Exhausted, proposer: Proposer, brief: Brief) -> Draft:
    try:
        draft = proposer.propose(brief)
    except Exhausted as second:
        told, cost = f"{str(first).rstrip('.')}; {second}", first.cost + second.cost
        raise Exhausted(told, cost=cost, gave_up=first.gave_up or second.gave_up) from None
    return draft.model_copy(update=dict(first.cost + draft.cost))
