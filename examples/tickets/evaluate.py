"""Score routes.json against answers.csv. Runs nothing of the file that is being improved.

python evaluate.py            # the half of the tickets that the loop may look at
python evaluate.py holdout    # the other half, for what was kept
"""

import csv
import json
import sys
from pathlib import Path
from statistics import fmean


def main() -> None:
    """Print macro-F1, and what else is worth knowing."""
    with Path("answers.csv").open(newline="", encoding="utf-8") as file:
        answers = list(csv.DictReader(file))
    routes = json.loads(Path("routes.json").read_text(encoding="utf-8"))
    if not isinstance(routes, list) or len(routes) != len(answers):
        sys.exit(f"routes.json needs a list of {len(answers)} intents")
    part = "holdout" if "holdout" in sys.argv[1:] else "dev"
    pairs = [
        (answer["intent"], route)
        for answer, route in zip(answers, routes, strict=True)
        if answer["part"] == part
    ]
    by_intent = {intent: f1(intent, pairs) for intent in sorted({answer for answer, _ in pairs})}
    worst = min(by_intent, key=by_intent.__getitem__)
    print(f"macro_f1_items: {json.dumps([round(value, 4) for value in by_intent.values()])}")
    print(f"tickets: {len(pairs)}")
    print(f"worst intent: {worst}")
    print(f"worst_f1: {by_intent[worst]:.4f}")
    print(f"accuracy: {fmean(answer == route for answer, route in pairs):.4f}")
    print(f"macro_f1: {fmean(by_intent.values()):.4f}")


def f1(intent: str, pairs: list[tuple[str, str]]) -> float:
    """Return the harmonic mean of precision and recall of one intent; 0 if it was never right."""
    right = sum(answer == route == intent for answer, route in pairs)
    wrong = sum((answer == intent) != (route == intent) for answer, route in pairs)
    return 2 * right / (2 * right + wrong)


if __name__ == "__main__":
    main()
