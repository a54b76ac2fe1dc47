"""The agent example beside its services: LangSmith, a model elsewhere, and the keys of both."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import pytest

from autoresearch_graph.templates import make_project
from tests.support.collector import SESSION, Answer, Collector, collecting
from tests.support.projects import git, run

KEYS = {"OPENAI_API_KEY": "sk-model-0123456789", "LANGSMITH_API_KEY": "lsv2_traces_0123456789"}
NOW = "2026-01-01T00:00:00Z"
NETWORK = "- Network allowed.\n- Variables: `OPENAI_BASE_URL`, `OPENAI_MODEL`, `LANGSMITH_ENDPOINT`"


@dataclass
class Smith(Collector):
    """A LangSmith with data sets: their examples by the data set's name, and the keys that came."""

    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> Answer:
        self.keys.add(str(headers["x-api-key"]))
        found = self.known(method, path, headers, body)
        return super().answer(method, path, headers, body) if found is None else (200, found)

    def known(self, method: str, path: str, headers: Any, body: bytes) -> Any:
        """Return the answer to a request for data sets or sessions, None for any other."""
        url = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        found: Any = None
        match method, url.path.strip("/").split("/"):
            case "GET", ["info"]:
                flags = {"dataset_examples_multipart_enabled": True}
                found = {"version": "0.12.0", "instance_flags": flags}
            case "GET", ["datasets"]:
                found = [self.described(n) for n in self.examples if n == query.get("name")]
            case "GET", ["datasets", number]:
                found = next(d for d in map(self.described, self.examples) if d["id"] == number)
            case "POST", ["datasets"]:
                name = json.loads(body)["name"]
                self.examples[name] = []
                found = self.described(name)
            case "POST", [*_, "datasets", number, "examples"]:
                found = self.take(number, headers["Content-Type"], body)
            case "GET", ["examples"]:
                start = int(query.get("offset", 0))
                found = self.of(query["dataset"])[start : start + int(query["limit"])]
            case "POST" | "PATCH", ["sessions", *_]:
                found = {**SESSION, **json.loads(body)}
        return found

    def answers(self) -> list[dict[str, Any]]:
        """The runs that are an agent's answers; each evaluator has runs of its own beside them."""
        return [run for run in self.roots() if run.get("reference_example_id")]

    def described(self, name: str) -> dict[str, str]:
        return {"id": str(uuid.uuid5(uuid.UUID(int=0), name)), "name": name, "created_at": NOW}

    def of(self, number: str) -> list[dict[str, Any]]:
        return next(e for n, e in self.examples.items() if self.described(n)["id"] == number)

    def take(self, number: str, content_type: str, body: bytes) -> dict[str, Any]:
        found: dict[str, dict[str, Any]] = {}
        message = BytesParser().parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
        parts: Any = message.get_payload()
        for part in parts:
            name = str(part.get_param("name", header="content-disposition")).split(".")
            value = json.loads(part.get_payload(decode=True))
            example = found.setdefault(name[0], {"id": name[0], "dataset_id": number})
            example.update({name[1]: value} if name[1:] else {"created_at": NOW})
        self.of(number).extend(found.values())
        return {"count": len(found), "example_ids": [*found]}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The example, with a question asked once."""
    project = tmp_path / "project"
    make_project(project, template="agent")
    ask = project / "ask.py"
    ask.write_text(ask.read_text().replace("REPETITIONS = 3", "REPETITIONS = 1"))
    return project


@contextmanager
def started(
    project: Path, script: str, environment: Mapping[str, str], *arguments: str
) -> Iterator[str]:
    """A server of the example; gives the first line that it prints."""
    command = [sys.executable, script, *arguments]
    environment = {"PATH": os.environ["PATH"], **environment}
    with subprocess.Popen(
        command, cwd=project, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@contextmanager
def served(project: Path, smith: Smith) -> Iterator[str]:
    """The address of a gateway before the made-up model and a LangSmith."""
    with started(project, "local_model.py", {}) as model:
        upstream = {"OPENAI_BASE_URL": model, "LANGSMITH_ENDPOINT": smith.url, **KEYS}
        with started(project, "gateway.py", upstream, "0") as line:
            yield line.removeprefix("export OPENAI_BASE_URL=").removesuffix("/openai")


def evaluated(project: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the values that the evaluation prints, by name."""
    done = subprocess.run(
        [sys.executable, "evaluate.py"],
        cwd=project,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split(": ", maxsplit=1) for line in done.stdout.splitlines() if ": " in line]
    return {line[0]: line[1] for line in lines}


def answer_all(project: Path, text: str) -> None:
    """Leave the same answer to every question, twice."""
    questions = [line.strip('"') for line in (project / "questions.csv").read_text().splitlines()]
    said = {"answer": text, "tokens": 10, "calls": 1, "error": ""}
    answers = {question: [said, said] for question in questions[1:]}
    (project / "answers.json").write_text(json.dumps(answers))


def test_an_evaluation_without_a_network_counts_what_is_right(project: Path) -> None:
    answer_all(project, "I do not have it.\n**Answer:** `Unknown`.")
    told = evaluated(project, {})
    assert (told["score"], told["questions"]) == (f"{14 / 84:.4f}", "84")
    assert sum(json.loads(told["score_items"])) == 14
    assert told["tokens_per_question"] == "10.0"
    answer_all(project, "unknown")
    assert evaluated(project, {})["score"] == "0.0000"


def test_with_langsmith_its_data_set_is_measured_on_and_a_change_of_it_is_noticed(
    project: Path,
) -> None:
    answer_all(project, "Answer: unknown")
    with collecting(kind=Smith) as smith, served(project, smith) as gateway:
        there = {"LANGSMITH_ENDPOINT": f"{gateway}/langsmith"}
        first = evaluated(project, there)
        assert smith.keys == {KEYS["LANGSMITH_API_KEY"]}
        assert [len(examples) for examples in smith.examples.values()] == [84]
        assert len(smith.answers()) == 168
        scores = [f["score"] for f in smith.feedback if f["key"] == "right"]
        assert (len(scores), sum(scores)) == (168, 28)
        here = evaluated(project, {})
        assert {k: first[k] for k in ("score", "data_fingerprint")} == {
            k: here[k] for k in ("score", "data_fingerprint")
        }
        next(iter(smith.examples.values()))[0]["outputs"] = {"answer": "somebody changed it"}
        assert evaluated(project, there)["data_fingerprint"] != first["data_fingerprint"]


def test_a_research_uses_a_model_elsewhere_and_langsmith_without_their_keys(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = project / "program.md"
    program.write_text(
        program.read_text()
        .replace("- No network.", NETWORK)
        .replace("rule is balanced", "rule is fast")
        .replace("killed after 3 minutes", "killed after 9 minutes")
    )
    git(project, "commit", "--quiet", "--all", "--message=a model elsewhere")
    with collecting(kind=Smith) as smith, served(project, smith) as gateway:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{gateway}/openai")
        monkeypatch.setenv("LANGSMITH_ENDPOINT", f"{gateway}/langsmith")
        for name, value in KEYS.items():
            monkeypatch.setenv(name, value)
        _, rows = run(project, [])
    assert rows[0].status == "keep" and rows[0].metric, rows[0].reason
    assert rows[0].metrics["tokens_per_question"] > 100
    assert len(smith.examples) == 2 and len(smith.answers()) == 168
    for path in (p for p in (project / ".autoresearch").rglob("*") if p.is_file()):
        assert not any(key.encode() in path.read_bytes() for key in KEYS.values()), path


def test_the_gateway_passes_nothing_on_but_what_a_model_is_asked(project: Path) -> None:
    with collecting(kind=Smith) as smith, served(project, smith) as gateway:
        asked = {"messages": [{"role": "user", "content": "What does the Alpine tent cost?"}]}
        chat = f"{gateway}/openai/chat/completions"
        with urlopen(Request(chat, json.dumps(asked).encode())) as answer:
            assert json.load(answer)["choices"][0]["message"]["content"]
        for path, body in (("openai/models", None), ("openai/files", b"{}"), ("elsewhere", None)):
            with pytest.raises(HTTPError, match="403") as refused:
                urlopen(Request(f"{gateway}/{path}", body))
            refused.value.close()
        with pytest.raises(HTTPError, match="400") as broken:
            urlopen(Request(chat, b"not JSON"))
        broken.value.close()
