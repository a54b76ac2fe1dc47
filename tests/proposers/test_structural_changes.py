"""Each example is improved by a change of its structure, which a model makes by tool calls.

The model's words are scripted; the rest is as in a night: the template, the real client, the run in
its box, the evaluation, the verdict, the holdout. Runs are smaller and not repeated, which is the
business of other tests.
"""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from autoresearch_graph import research
from autoresearch_graph.core.experiment import Experiment
from autoresearch_graph.core.program import Flags
from autoresearch_graph.opening import open_lab
from autoresearch_graph.program.reader import read
from autoresearch_graph.results.holdout import held_out
from autoresearch_graph.settings import Settings
from autoresearch_graph.templates import make_project
from tests.support.edits import change, edited, forget
from tests.support.projects import git

Rewrite = Callable[[str], str]
ONCE = (
    ("rule is balanced", "rule is fast"),
    ("Baseline 3 times", "Baseline once"),
    ("`balanced`: the baseline runs three times, and what looks better is run again", "`fast`:"),
)
SMALLER = {
    "rag": (('sorted(root.rglob("*.py"))', 'sorted(root.rglob("*.py"))[::3]'),),
    "speed": (("LINES = 20_000", "LINES = 5_000"), ("ROUNDS = 7", "ROUNDS = 3")),
    "agent": (("REPETITIONS = 3", "REPETITIONS = 1"),),
    "pretrain": (
        ('"python": (128, 1024, 1280)', '"python": (128, 257, 64)'),
        ('"AUTORESEARCH_STEPS", "0"', '"AUTORESEARCH_STEPS", "30"'),
    ),
}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wire-0123456789")


def improved(llmock: Any, project: Path, template: str, *rewrites: Rewrite) -> list[Experiment]:
    """The ledger of a research in which a model rewrites the asset of a fresh template.

    The first change is kept, for a figure that the run did not report itself, and it is one on the
    holdout, too.
    """
    make_project(project, template=template)
    program_md = project / "program.md"
    change(program_md, *ONCE)
    patient = re.sub(r"killed after \d+ \w+", "killed after 9 minutes", program_md.read_text())
    program_md.write_text(patient)
    for path in project.rglob("*.py"):
        change(path, *SMALLER.get(template, ()))
    git(project, "commit", "--quiet", "--all", "--allow-empty", "--message=for a test")
    program = read(project / "program.md", project=project, flags=Flags())
    text = (project / program.asset).read_text()
    for rewrite in rewrites:
        llmock.call_tool("read_file", {})
        llmock.call_tool("write_file", {"content": rewrite(text)})
        told = {"hypothesis": rewrite.__doc__, "description": rewrite.__name__, "lesson": "Go on."}
        llmock.call_tool("propose", told)
    flags = Flags(experiments=len(rewrites))
    settings = Settings(
        project=project, tag="t", model="openai:gpt-4o", look_ahead=False, flags=flags
    )
    lab = open_lab(settings)
    try:
        research.run(lab)
        rows = list(lab.ledger.experiments)
    finally:
        lab.close()
    assert [row.status for row in rows[:2]] == ["keep", "keep"], [row.reason for row in rows]
    assert (rows[1].author, rows[1].self_reported) == ("model", False)
    unseen = held_out(project / ".autoresearch/t", metric=program.metric, best=1, claimed=1.0)
    assert unseen and unseen.gain > 0
    return rows


# ---------------------------------------------------------------- what a model writes
def fuse(text: str) -> str:
    """Rank by the code and by the stems of the name, and add up what the ranks are worth."""
    fused = """\
        np.maximum.at(best, self.owner, scores)
        asked = stems(question)
        named = np.array([len(asked & name) / (1 + len(name)) for name in self.names])
        by_code, by_name = np.argsort(np.argsort(-best)), np.argsort(np.argsort(-named))
        best = 1 / (60 + by_code) + 1 / (60 + by_name)
"""
    stems = '''

def stems(text: str) -> set[str]:
    """The beginnings of the words that a name or a question is made of."""
    return {part.lower()[:5] for part in PART.findall(text)}
'''
    owner = "        self.owner = np.array([place for place, _ in chunks])\n"
    names = "        self.names = [stems(document.name) for document in documents]\n"
    best = "        np.maximum.at(best, self.owner, scores)\n"
    return edited(text, (owner, owner + names), (best, fused)) + stems


def unite(text: str) -> str:
    """Another classifier, on words and on pieces of words at once."""
    start, end = text.index("def model()"), text.index("def classifier()")
    model = '''\
def model() -> Pipeline:
    """Words and pairs of them beside pieces of words, and a support vector machine."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    return make_pipeline(make_union(words, pieces), LinearSVC())


'''
    return edited(
        text[:start] + model + text[end:],
        ("TfidfTransformer\n", "TfidfTransformer, TfidfVectorizer\n"),
        ("Pipeline, make_pipeline\n", "Pipeline, make_pipeline, make_union\n"),
    )


def ask_once(text: str) -> str:
    """Ask for late orders, and for the mean of each part, once and not again for each row."""
    return edited(
        text,
        ("AND EXISTS (\n    SELECT * FROM lineitem\n    WHERE l_orderkey = o_orderkey AND ",
         "AND o_orderkey IN (\n    SELECT l_orderkey FROM lineitem WHERE "),
        ("FROM lineitem, part\nWHERE",
         "FROM lineitem, part, (\n  SELECT l_partkey AS of, 0.2 * avg(l_quantity) AS few\n"
         "  FROM lineitem GROUP BY l_partkey)\nWHERE of = p_partkey AND"),
        ("(SELECT 0.2 * avg(l_quantity) FROM lineitem WHERE l_partkey = p_partkey)", "few"),
    )  # fmt: skip


def write(text: str) -> str:
    """Do something else than read."""
    start = text.index("idle = '''") + len("idle = '''")
    return text[:start] + "DELETE FROM customer WHERE :a = :b OR :b = :c'''\n"


def for_errors_alone(text: str) -> str:
    """Understand the time of a line only where it is printed."""
    hour = "        hour = moment(time).replace(minute=0, second=0)\n"
    once = "errors[moment(time).replace(minute=0, second=0)] += 1"
    return edited(text, (hour, ""), ("errors[hour] += 1", once))


def round_off(text: str) -> str:
    """Print two digits where there were three."""
    return edited(text, ("slow {slow:.3f}", "slow {slow:.2f}"))


def look_twice(text: str) -> str:
    """Another architecture: only the rows that may matter before the model, and a second look."""
    start, end = text.index("def make_agent"), text.index("def model()")
    graph = '''\
def make_agent() -> Runnable[Any, Any]:
    """Put the rows that the question may be about before the model, and have its answer checked."""
    graph = StateGraph(MessagesState)
    graph.add_sequence([draft, check]).add_edge(START, "draft")
    return graph.compile()


def draft(state: MessagesState) -> dict[str, Any]:
    """A first answer."""
    said = model().invoke([SystemMessage(told(state)), state["messages"][0]])
    return {"messages": [said]}


def check(state: MessagesState) -> dict[str, Any]:
    """A second look at it, by the same model."""
    asked, first = (str(message.text) for message in state["messages"])
    again = f"Check this answer, and correct it where it is wrong:\\n{first}\\n\\nQuestion: {asked}"
    said = model().invoke([SystemMessage(told(state)), HumanMessage(again)])
    return {"messages": [said]}


def told(state: MessagesState) -> str:
    """The prompt, with the rows of the catalogue that have a word of the question."""
    asked = re.findall(r"\\w+", state["messages"][0].text.lower())
    words = {word.removesuffix("s") for word in asked}
    head, *rows = TABLE.splitlines()
    near = [row for row in rows if words & {*row.split(",")[0].lower().split()}]
    return "\\n".join([prompt(), "\\nThe catalogue:", head, *near])


'''
    tools = (
        "from langchain_core.tools import BaseTool, tool\nfrom langchain_openai import ChatOpenAI\n"
    )
    return edited(
        text[:start] + graph + text[end:],
        ("from langchain.agents import create_agent\n", ""),
        ("import os\n", "import os\nimport re\n"),
        (
            "from langchain_core.runnables import Runnable\n",
            "from langchain_core.messages import HumanMessage, SystemMessage\n"
            "from langchain_core.runnables import Runnable\n",
        ),
        (tools, f"{tools}from langgraph.graph import START, MessagesState, StateGraph\n"),
        ('    if CATALOGUE == "in the prompt":\n', ""),
        ('        parts.append(f"The catalogue:\\n{TABLE}")\n', ""),
    )


def skip(text: str) -> str:
    """A way round all blocks: the head sees what goes into them beside what comes out."""
    block = "            for block in self.blocks:\n                stream = block"
    return edited(
        text,
        (block, f"            first = stream\n{block}"),
        ("self.head(norm(stream)).float()", "self.head(norm(stream + first)).float()"),
    )


# ---------------------------------------------------------------- what becomes of it
@dataclass(frozen=True)
class Change:
    """A rewrite, by how much it improves the metric at least, and what else becomes better."""

    rewrite: Rewrite
    ratio: float  # new by old, at least or at most
    better: str = ""  # another figure that rises
    needs: tuple[str, ...] = field(default=())
    wrong: tuple[Rewrite, ...] = ()  # a crash each, however fast: another answer, or a write


CHANGES = {
    "rag": Change(fuse, 1.1, "recall10", ("numpy",)),
    "tickets": Change(unite, 1.3, "worst_f1", ("sklearn",)),
    "queries": Change(ask_once, 0.5, wrong=(forget, write)),
    "speed": Change(for_errors_alone, 0.9, wrong=(round_off,)),
    "agent": Change(look_twice, 1.1, "calls_per_question"),
    "pretrain": Change(skip, 0.9995, "", ("torch", "rustbpe", "tiktoken")),
}


def without_what_it_needs(template: str) -> None:
    """Skip where an example's packages are missing."""
    for module in CHANGES[template].needs:
        pytest.importorskip(module)
    if template == "queries" and not (Path(sys.executable).parent / "tpcgen-cli").exists():
        pytest.skip("tpcgen-cli makes the data")


@pytest.mark.parametrize("template", CHANGES)
def test_a_structural_change_is_made_by_tool_calls_judged_and_kept_and_a_wrong_one_is_a_crash(
    llmock: Any, tmp_path: Path, template: str
) -> None:
    without_what_it_needs(template)
    change = CHANGES[template]
    rows = improved(llmock, tmp_path / "project", template, change.rewrite, *change.wrong)
    old, new, *wrong = rows
    assert old.metric and new.metric
    ratio = new.metric / old.metric
    assert ratio >= change.ratio if change.ratio > 1 else ratio <= change.ratio
    if change.better:
        assert new.metrics[change.better] > old.metrics[change.better]
    assert [row.status for row in wrong] == ["crash"] * len(change.wrong)
    assert template != "queries" or new.metrics["size_ratio"] == 1
    assert template != "speed" or "expected" in wrong[0].reason
