"""Two texts on the same items: is the mean difference more than these items' luck?"""

from collections.abc import Sequence

from autoresearch_graph.metric import Metric

FEWEST = 8
_CERTAIN = 9.0


def paired_z(new: Sequence[float], old: Sequence[float], metric: Metric) -> float | None:
    """The paired t-test over the items as a normal deviate; positive is better.

    None where the items are too few or not the same number. The mean is tested, as it is the
    mean that is improved; scipy is imported only where there are items.
    """
    if len(new) != len(old) or len(new) < FEWEST:
        return None
    from scipy.stats import norm, ttest_rel

    gains = [metric.improvement(a, b) for a, b in zip(new, old, strict=True)]
    if len(set(gains)) == 1:
        return _CERTAIN if gains[0] > 0 else 0.0
    tested = ttest_rel(gains, [0.0] * len(gains), alternative="greater")
    return float(min(_CERTAIN, max(-_CERTAIN, norm.isf(tested.pvalue))))
