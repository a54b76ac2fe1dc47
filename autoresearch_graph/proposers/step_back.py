"""Step back: after long without a keep, drop one of the changes that were kept.

One of them may have been luck, or stand in the way of later ones.
"""

from autoresearch_graph.asset.merge import merged
from autoresearch_graph.asset.syntax import broken, fingerprint
from autoresearch_graph.core.brief import Brief
from autoresearch_graph.core.experiment import Draft, Experiment
from autoresearch_graph.core.incumbent import PATIENCE


def step_back(brief: Brief, since_keep: int) -> Draft | None:
    """Draft the incumbent without a kept change, after every 30 experiments without a keep.

    The least gain goes first; each change is dropped once, and not at all if later changes stand
    on its lines. None where it is not time yet, or nothing is left.
    """
    if since_keep == 0 or since_keep % PATIENCE:
        return None
    for kept in _by_gain(brief):
        if text := _without(kept, brief):
            return Draft(
                author="lab",
                description=f"step back: without experiment {kept.number} ({kept.description})",
                hypothesis=f"Nothing was kept in the last {since_keep} experiments. Of the changes "
                "that were kept and not taken back yet, this one gained least.",
                text=text,
                undoes=kept.number,
            )
    return None


def _by_gain(brief: Brief) -> list[Experiment]:
    """Return the kept changes that were not taken back yet, the least gain first."""
    ideas = (*brief.ledger, *brief.in_flight)
    left = brief.gains.keys() - {idea.undoes for idea in ideas}
    kept = [row for row in brief.ledger if row.status == "keep" and row.undoes is None]
    doubtful = [row for row in kept if row.number and row.number in left]
    return sorted(doubtful, key=lambda row: brief.gains[row.number])


def _without(kept: Experiment, brief: Brief) -> str | None:
    """Return the incumbent without a kept change, if that is another text, and one that parses."""
    before = next(row.number for row in brief.ledger if row.commit == kept.parent)
    asset, text_of = brief.program.asset, brief.history.text
    text = merged(text_of(kept.number), brief.text, text_of(before), asset=asset)
    if text is None or broken(text, brief.text, asset):
        return None
    return None if fingerprint(text, asset) == fingerprint(brief.text, asset) else text
