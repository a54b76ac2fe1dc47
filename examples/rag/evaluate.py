"""Score ranking.json. Runs nothing of the file that is being improved.

python evaluate.py            # the questions that the loop may look at
python evaluate.py holdout    # those about other modules, for what was kept
"""

import json
import math
import sys
from pathlib import Path
from statistics import fmean

from corpus import corpus


def main() -> None:
    """Print nDCG@10, and what it is made of."""
    _, questions = corpus()
    rankings = json.loads(Path("ranking.json").read_text(encoding="utf-8"))
    if not isinstance(rankings, list) or len(rankings) != len(questions):
        sys.exit(f"ranking.json needs a list of ids for each of {len(questions)} questions")
    wanted = "holdout" in sys.argv[1:]
    asked = zip(questions, rankings, strict=True)
    ranks = [rank(q.answer, ids) for q, ids in asked if q.held_out == wanted]
    gains = [0.0 if rank is None else 1 / math.log2(rank + 1) for rank in ranks]
    print(f"ndcg10_items: {json.dumps([round(gain, 3) for gain in gains])}")
    print(f"questions: {len(ranks)}")
    print(f"first: {fmean(rank == 1 for rank in ranks):.4f}")
    print(f"recall10: {fmean(rank is not None for rank in ranks):.4f}")
    print(f"ndcg10: {fmean(gains):.4f}")


def rank(answer: str, ids: object) -> int | None:
    """Return the rank of the answer in the first ten, from 1; end the program on a bad ranking."""
    if not isinstance(ids, list) or len(ids) > 10 or len(set(map(str, ids))) != len(ids):
        sys.exit("a ranking is a list of at most ten different ids")
    return ids.index(answer) + 1 if answer in ids else None


if __name__ == "__main__":
    main()
