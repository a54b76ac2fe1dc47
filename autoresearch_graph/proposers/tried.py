"""What was tried before, comments and spacing aside."""

from collections.abc import Callable, Iterable

from autoresearch_graph.experiment import Experiment, Proposal
from autoresearch_graph.tools.propose import fingerprint


class Tried:
    """The fingerprints of texts by their experiments' numbers; each commit is read once."""

    def __init__(self) -> None:
        self._marks: dict[str, str] = {}

    def numbers(
        self, tried: Iterable[Experiment | Proposal], text_of: Callable[[int], str], *, path: str
    ) -> dict[str, int]:
        """For the fingerprint of every text the number of the last experiment that had it."""
        found = {}
        for one in tried:
            if one.commit not in self._marks:
                self._marks[one.commit] = fingerprint(text_of(one.number), path)
            found[self._marks[one.commit]] = one.number
        return found
