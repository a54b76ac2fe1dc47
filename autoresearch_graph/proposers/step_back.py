"""Where nothing has been kept for long: the asset without one of the changes that were kept.

One of them may have been luck, or stand in the way of what came later.
"""

from collections.abc import Iterator

from autoresearch_graph.asset.merge import merged
from autoresearch_graph.asset.syntax import broken, fingerprint
from autoresearch_graph.core.brief import Brief
from autoresearch_graph.core.experiment import Draft, Experiment
from autoresearch_graph.core.incumbent import PATIENCE


def step_back(brief: Brief, since_keep: int) -> Draft | None:
    """Draft the incumbent without a kept change, after every 30 experiments without a keep.

    The least gain goes first; each change is taken back once, and one on whose lines later
    changes stand not at all. None where it is not time yet, or nothing is left.
    """
    if since_keep == 0 or since_keep % PATIENCE:
        return None
    for kept in _doubtful(brief):
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


def _without(kept: Experiment, brief: Brief) -> str | None:
    """The incumbent without a kept change, where that is another text, and one that parses."""
    before = next(e.number for e in brief.ledger if e.commit == kept.parent)
    asset = brief.program.asset
    text = merged(
        brief.history.text(kept.number), brief.text, brief.history.text(before), asset=asset
    )
    if text is None or broken(text, brief.text, asset):
        return None
    return None if fingerprint(text, asset) == fingerprint(brief.text, asset) else text


def _doubtful(brief: Brief) -> Iterator[Experiment]:
    """The kept changes that were not taken back yet, the least gain first."""
    gained = brief.gains
    ideas = (*brief.ledger, *brief.in_flight)
    undone = {idea.undoes for idea in ideas}
    kept = [e for e in brief.ledger if e.status == "keep" and e.number and e.undoes is None]
    yield from sorted(
        (e for e in kept if e.number in gained.keys() - undone), key=lambda e: gained[e.number]
    )
