"""Costs of all answers of models, in spent.jsonl beside the ledger."""

import json
from collections.abc import Collection, Sequence
from pathlib import Path

from autoresearch_graph.core.experiment import Experiment
from autoresearch_graph.core.values import Cost


class Spending:
    """The cost of every answer, a line each, with the number of the experiment it was for.

    A line is written as soon as an answer is there: neither a kill nor a fruitless turn loses it. A
    line that a kill tore is left out.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "spent.jsonl"
        self._by_number: dict[int, Cost] = {}
        lines = self._path.read_bytes().splitlines() if self._path.exists() else []
        for line in lines:
            try:
                answer = json.loads(line)
                self._count(answer["number"], Cost.model_validate(answer["cost"]))
            except (ValueError, KeyError, TypeError):
                continue

    def add(self, number: int, cost: Cost) -> None:
        """Note an answer, on a line of its own even after a torn one."""
        line = json.dumps({"number": number, "cost": cost.model_dump()})
        with self._path.open("a") as file:
            file.write(f"\n{line}\n")
        self._count(number, cost)

    def costs(
        self, experiments: Sequence[Experiment], *, under_way: Collection[int] = ()
    ) -> list[Cost]:
        """Return the cost of each number that is not under way.

        A row from before this file was written has its own cost.
        """
        known = {row.number: row.cost for row in experiments} | self._by_number
        return [cost for number, cost in known.items() if number not in under_way]

    def _count(self, number: int, cost: Cost) -> None:
        self._by_number[number] = self._by_number.get(number, Cost()) + cost
