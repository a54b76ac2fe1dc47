"""Ask the pipeline every question, one at a time, and write down what it finds."""

import json
import time
from pathlib import Path

from corpus import corpus
from pipeline import Pipeline


def main() -> None:
    """Index the documents, ask the questions, and tell how long each took."""
    documents, questions = corpus()
    start = time.process_time()
    pipeline = Pipeline(documents)
    indexed = time.process_time()
    rankings = [[*map(str, pipeline.search(question.text))] for question in questions]
    asked = time.process_time()
    Path("ranking.json").write_text(json.dumps(rankings), encoding="utf-8")
    print(f"documents: {len(documents)}")
    print(f"index_seconds: {indexed - start:.2f}")
    print(f"ms_per_question: {1000 * (asked - indexed) / len(questions):.2f}")


if __name__ == "__main__":
    main()
