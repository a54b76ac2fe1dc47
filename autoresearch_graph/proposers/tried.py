"""What was tried before, comments and spacing aside."""

from collections.abc import Callable, Mapping

from autoresearch_graph.meaning import fingerprint


class Tried:
    """The fingerprints of texts by their experiments' numbers; each commit is read once."""

    def __init__(self) -> None:
        self._marks: dict[str, str] = {}

    def numbers(
        self, commits: Mapping[int, str], text_of: Callable[[int], str], *, path: str
    ) -> dict[str, int]:
        """For the fingerprint of each text the number of the last experiment that had it.

        `commits` has the commit of each experiment, by its number.
        """
        found = {}
        for number, commit in commits.items():
            if commit not in self._marks:
                self._marks[commit] = fingerprint(text_of(number), path)
            found[self._marks[commit]] = number
        return found
