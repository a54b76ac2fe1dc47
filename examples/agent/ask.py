"""Ask the agent every question several times, and write down what it says and what that costs.

Without OPENAI_BASE_URL a made-up model is started on loopback for it (local_model.py).
"""

import csv
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables import Runnable

REPETITIONS = 3
AT_ONCE = 4  # questions
LONGEST = 2_000  # letters of an answer


class Meter(BaseCallbackHandler):
    """Calls and tokens of the models that worked on one question."""

    def __init__(self) -> None:
        self.calls, self.tokens, self._lock = 0, 0, threading.Lock()

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        """Count one call, with the tokens that the server says it cost."""
        found = [
            g.message for row in response.generations for g in row if isinstance(g, ChatGeneration)
        ]
        usage = [getattr(message, "usage_metadata", None) or {} for message in found]
        with self._lock:
            self.calls += 1
            self.tokens += sum(each.get("total_tokens", 0) for each in usage)


def main() -> None:
    """Ask everything, and leave answers.json."""
    with Path("questions.csv").open(newline="", encoding="utf-8") as file:
        questions = [row["question"] for row in csv.DictReader(file)]
    with served():
        from agent import make_agent

        agent = make_agent()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            said = [*pool.map(lambda question: ask(agent, question), questions * REPETITIONS)]
    failures = [each["error"] for each in said if each["error"]]
    if len(failures) == len(said):
        sys.exit(f"the agent fails on every question: {failures[0]}")
    by_question = {
        question: said[place :: len(questions)] for place, question in enumerate(questions)
    }
    Path("answers.json").write_text(json.dumps(by_question), encoding="utf-8")
    print(f"asked: {len(said)}")
    print(f"failures: {len(failures)}")
    for failure in failures[:3]:
        print(f"a failure: {failure}")


def ask(agent: Runnable[Any, Any], question: str) -> dict[str, Any]:
    """Return the answer of the agent and its cost; a failure is an empty answer."""
    meter, error, text = Meter(), "", ""
    try:
        state = agent.invoke(
            {"messages": [{"role": "user", "content": question}]}, {"callbacks": [meter]}
        )
        text = str(state["messages"][-1].text)[-LONGEST:]
    except Exception as problem:  # noqa: BLE001 - the agent is what is tried, whatever it raises
        error = f"{type(problem).__name__}: {problem}"[:300]
    return {"answer": text, "tokens": meter.tokens, "calls": meter.calls, "error": error}


@contextmanager
def served() -> Iterator[None]:
    """Return a model for the time of the questions: the person's, or the one that is made up."""
    os.environ["LANGSMITH_TRACING"] = "false"
    os.environ.setdefault("OPENAI_API_KEY", "none")
    if os.environ.get("OPENAI_BASE_URL"):
        yield
        return
    command = [sys.executable, "local_model.py"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        os.environ["OPENAI_BASE_URL"] = process.stdout.readline().strip()
        try:
            yield
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
