"""Score answers.json with LangSmith's `evaluate`. Runs nothing of the file that is being improved.

python evaluate.py            # the questions that the loop may look at
python evaluate.py holdout    # those about other products, for what was kept

Every example is what one question got: its score is the share of its repetitions that were right.
Nothing leaves the machine, unless LANGSMITH_ENDPOINT is set. Then the examples are those of a data
set there, which is made if it is missing, and the experiment is recorded beside it; a data set that
was changed meanwhile has another fingerprint, and figures of two are not compared.
"""

import csv
import hashlib
import json
import os
import re
import sys
import uuid
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from langsmith import Client
from langsmith.schemas import Example

Json = dict[str, Any]

ANSWER = re.compile(r"^\s*\**Answer:\**\s*(.+?)\s*$", re.MULTILINE)
TOLERANCE = 0.005  # euros


def main() -> None:
    """Print the share of right answers, and what they cost."""
    part = "holdout" if "holdout" in sys.argv[1:] else "dev"
    said: dict[str, list[Json]] = json.loads(Path("answers.json").read_text(encoding="utf-8"))
    remote = os.environ.get("LANGSMITH_ENDPOINT")
    client = Client() if remote else Client(api_url="http://127.0.0.1:9", api_key="none", info={})
    examples = data_set(client, part) if remote else local(part)
    scores = evaluated(client, examples, said, upload=bool(remote))
    costs = [each for example in examples for each in said[question(example)]]
    print(f"data_fingerprint: {fingerprint(examples)}")
    print(f"score_items: {json.dumps([round(score, 4) for score in scores])}")
    print(f"questions: {len(examples)}")
    print(f"repetitions: {len(said[question(examples[0])])}")
    print(f"tokens_per_question: {fmean(each['tokens'] for each in costs):.1f}")
    print(f"calls_per_question: {fmean(each['calls'] for each in costs):.3f}")
    print(f"without_an_answer: {fmean(not ANSWER.search(each['answer']) for each in costs):.4f}")
    print(f"score: {fmean(scores):.4f}")


def evaluated(
    client: Client, examples: Sequence[Example], said: dict[str, list[Json]], *, upload: bool
) -> list[float]:
    """Return the score of each example; LangSmith reads the answer of each repetition."""
    repetitions = {len(said.get(question(example), ())) for example in examples}
    if len(repetitions) != 1 or 0 in repetitions:
        sys.exit("answers.json needs the same number of answers to every question of the data set")
    left = {asked: iter(answers) for asked, answers in said.items()}

    def recorded(inputs: Json) -> Json:
        return next(left[inputs["question"]])

    warnings.simplefilter("ignore")  # of `upload_results`, that it is new
    results = client.evaluate(
        recorded,
        data=examples,
        evaluators=[right, tokens],
        num_repetitions=repetitions.pop(),
        max_concurrency=0,
        upload_results=upload,
        experiment_prefix="autoresearch",
    )
    scores: dict[uuid.UUID, list[float]] = defaultdict(list)
    for row in results:
        found = {each.key: each.score for each in row["evaluation_results"]["results"]}
        scores[row["example"].id].append(float(found["right"] or 0))
    return [fmean(scores[example.id]) for example in examples]


def right(outputs: Json, reference_outputs: Json) -> bool:
    """Return True if the last `Answer:` is the expected one: to the cent, or in the same words."""
    found, expected = ANSWER.findall(outputs["answer"]), reference_outputs["answer"]
    given = found[-1].strip("`*. ") if found else ""
    try:
        return abs(float(given) - float(expected)) < TOLERANCE
    except ValueError:
        return bool(given.lower() == expected.lower())


def tokens(outputs: Json) -> Json:
    """Return the cost of an answer."""
    return {"key": "tokens", "score": outputs["tokens"]}


# ---------------------------------------------------------------- the data set


def rows(part: str) -> Iterator[tuple[Json, Json]]:
    """Return inputs and outputs of the examples of a part, from the files of this folder."""
    with (
        Path("questions.csv").open(newline="", encoding="utf-8") as asked,
        Path("answers.csv").open(newline="", encoding="utf-8") as known,
    ):
        for given, kept in zip(csv.DictReader(asked), csv.DictReader(known), strict=True):
            if kept["part"] == part:
                yield {"question": given["question"]}, {"answer": kept["answer"]}


def local(part: str) -> list[Example]:
    """Return the examples of a part, without a server."""
    space = uuid.UUID(int=0)
    return [
        Example(
            id=uuid.uuid5(space, inputs["question"]),
            dataset_id=space,
            inputs=inputs,
            outputs=outputs,
        )
        for inputs, outputs in rows(part)
    ]


def data_set(client: Client, part: str) -> list[Example]:
    """Return the examples of a data set in LangSmith, in the order of their questions."""
    name = f"autoresearch agent, {part}"
    if not client.has_dataset(dataset_name=name):
        made = client.create_dataset(name)
        examples = [{"inputs": inputs, "outputs": outputs} for inputs, outputs in rows(part)]
        client.create_examples(dataset_id=made.id, examples=examples)
    return sorted(client.list_examples(dataset_name=name), key=question)


def question(example: Example) -> str:
    """Return the question."""
    return str((example.inputs or {})["question"])


def fingerprint(examples: Sequence[Example]) -> int:
    """Return a number for what is asked and expected, whatever its order."""
    told = sorted(json.dumps([e.inputs, e.outputs], sort_keys=True) for e in examples)
    return int(hashlib.sha256("\n".join(told).encode()).hexdigest()[:12], 16)


if __name__ == "__main__":
    main()
