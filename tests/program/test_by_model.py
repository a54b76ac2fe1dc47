"""A model reads program.md over HTTP: what it quotes is checked, and all else is refused."""

import json
import sys
from pathlib import Path

import pytest

from autoresearch_graph.cli.app import main
from autoresearch_graph.errors import LabError
from autoresearch_graph.proposers.llm import proposer
from autoresearch_graph.proposers.llm.proposer import open_chat
from autoresearch_graph.proposers.llm.reading import ask
from autoresearch_graph.results.records import find
from autoresearch_graph.settings import Settings
from tests.support.cli import autoresearch, snapshot
from tests.support.projects import PROGRAM, git, make_project
from tests.support.raw_server import Answer, answered, error, said, serving
from tests.support.readings import LOCK, Given, read_with, reading, values

PROGRAMS = Path(__file__).parent.parent / "programs"
RUSSIAN: tuple[Given, ...] = (
    ("asset", "asset.py", "Меняй только файл `asset.py`"),
    ("protected", "other.py", "Файл `other.py` не трогай"),
    ("metric", "loss", "Скрипт печатает строку `loss: 4.500000`."),
    ("direction", "lower", "Чем меньше это число, тем лучше."),
    ("experiment", "python asset.py", "python asset.py"),
    ("time_box", "10 s", "На один запуск даётся не больше 10 секунд."),
    ("kill_after", "20 s", "Если он идёт дольше 20 секунд,\nостанови его"),
    ("stopping", "3 experiments", "Хватит после 3 опытов"),
)
KOREAN: tuple[Given, ...] = (
    ("asset", "model.py", "`model.py`만 수정하세요."),
    ("protected", "judge.py", "`judge.py`는 절대 수정하지 마세요."),
    ("metric", "loss", "목표는 `loss`를 최대한 줄이는 것입니다."),
    ("direction", "lower", "값이 작을수록 좋습니다."),
    ("experiment", "python model.py", "`python model.py`를 실행합니다."),
    ("evaluation", "python judge.py", "`python judge.py`로 채점합니다."),
    ("time_box", "60 s", "실험 한 번은 1분 안에 끝나야 합니다."),
    ("kill_after", "120 s", "2분이 넘으면 강제로 종료"),
    ("stopping", "3 experiments", "실험을 3번 하면 멈추세요."),
)
PROSE: tuple[Given, ...] = (
    ("asset", "asset.py", "the controller is asset.py."),
    ("protected", "other.py", "into other.py, and she has asked me"),
    ("metric", "loss", "What matters to you is that loss has to come down."),
    ("direction", "lower", "A smaller value is a better one, always"),
    ("experiment", "python asset.py", "you start it with `python asset.py`"),
    ("time_box", "10 s", "a single run has a budget of ten seconds"),
    ("kill_after", "30 s", "after thirty seconds is to be killed"),
    ("stopping", "3 experiments", "stop after three experiments tonight"),
)
MOST = (
    *("--metric", "loss", "--direction", "lower", "--command", "python asset.py"),
    *("--time-box", "10 s", "--experiments", "1"),
)
JUDGE = """\
import re
x = float(re.search(r"X = (\\S+)", open("model.py").read())[1])
print(f"loss: {(x - 1.0) ** 2:.6f}")
"""


def foreign(folder: Path, name: str = "russian-night.md") -> tuple[Path, str]:
    """A committed project with a program file of this folder, and its text."""
    text = (PROGRAMS / name).read_text("utf-8")
    project = make_project(folder / "project", program=text)
    (project / "model.py").write_text("X = 3.0\n")
    (project / "judge.py").write_text(JUDGE)
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=more")
    return project, text


@pytest.mark.parametrize(
    ("name", "given", "asset"),
    [
        ("russian-night.md", RUSSIAN, "asset.py"),
        ("korean-night.md", KOREAN, "model.py"),
        ("prose.md", PROSE, "asset.py"),
    ],
)
def test_a_program_in_any_language_is_read_accepted_and_run(
    tmp_path: Path, name: str, given: tuple[Given, ...], asset: str
):
    project, text = foreign(tmp_path, name)
    with serving(reading(text, *given)) as server:
        done = read_with(server, "run", project, "--accept-reading", "--tag", "t")
        again = read_with(server, "check", project, "--tag", "t")
    assert done.returncode == 0, done.stderr
    assert again.returncode == 0, again.stdout + again.stderr
    assert len(server.requests) == 1  # what was accepted is not asked about again
    records = find(Settings(project=project, tag="t"))
    program = records.program
    assert (program.asset, program.metric.name, program.metric.direction) == (
        asset,
        "loss",
        "lower",
    )
    assert program.stopping.describe() == "3 experiments"
    assert program.protected
    assert [row.status for row in records.experiments].count("crash") == 0
    assert len(records.experiments) == 4
    changed = git(project, "diff", "--name-only", "main", "autoresearch/t").split()
    assert set(changed) <= {asset}


def test_a_text_of_two_thousand_words_without_a_heading_is_one():
    text = (PROGRAMS / "prose.md").read_text("utf-8")
    assert len(text.split()) >= 2000
    assert not any(line.startswith(("#", "-", "*", "|", "```")) for line in text.splitlines())


REFUSED: tuple[tuple[Given, str], ...] = (
    (("asset", "asset.py", "Edit only `asset.py`."), "its quotation is not in the file"),
    (("asset", "program.md", " "), "it has no quotation"),
    (("asset", "other.py", "Файл `other.py` не трогай"), "the model names it as protected, too"),
    (("asset", "gone.py", "Новые пакеты ставить нельзя."), "its quotation does not say so"),
    (("asset", "**", "Меняй только файл `asset.py`"), "its quotation does not say so"),
    (("asset", "judge.py", "Меняй только файл `asset.py`"), "its quotation does not say so"),
    (("asset", "set.py", "Меняй только файл `asset.py`"), "its quotation does not say so"),
    (("kill_after", "21 s", "дольше 20 секунд"), "its quotation does not say so"),
    (("time_box", "10 опытов", "не больше 10 секунд"), "which is not a duration"),
    (("stopping", "300 experiments", "Хватит после 3 опытов"), "its quotation does not say so"),
    (("metric", "los", "строку `loss: 4.500000`"), "its quotation does not say so"),
    (("evaluation", "python other.py", "python asset.py"), "its quotation does not say so"),
    (("direction", "up", "Чем меньше это число"), "its quotation does not say so"),
    (("network", "true", "Чем меньше это число"), "there is no such field"),
)


def test_a_value_that_is_not_said_is_refused_with_the_reason(tmp_path: Path):
    project, text = foreign(tmp_path)
    before = snapshot(project)
    protected = RUSSIAN[1]
    with serving(reading(text, protected, *(wrong for wrong, _ in REFUSED))) as server:
        done = read_with(server, "run", project, "--accept-reading", "--tag", "t")
    told = done.stdout + done.stderr
    for (field, value, _), reason in REFUSED:
        lines = [line for line in told.splitlines() if f"the model's `{field}` `{value}`" in line]
        assert any(reason in line for line in lines) or f"`{field}` is `{value}`, {reason}" in told
    assert done.returncode == 2
    assert snapshot(project) == before


def test_a_value_that_a_run_could_do_without_is_not_left_out_unseen(tmp_path: Path):
    project, text = foreign(tmp_path)
    before = snapshot(project)
    wrong = ("evaluation", "python judge.py", "Потом запусти `python judge.py`.")
    with serving(reading(text, *RUSSIAN, wrong)) as server:
        done = read_with(server, "run", project, "--accept-reading", "--tag", "t")
    assert "`python judge.py` is refused: its quotation is not in the file" in done.stderr
    assert done.returncode == 2
    assert snapshot(project) == before


def test_a_file_that_a_sentence_denies_is_no_asset(tmp_path: Path):
    text = "Improve it all night. Never modify `other.py`; it is `other.py` that scores.\n"
    project = make_project(tmp_path / "project", program=text)
    flags = (*MOST, "--tag", "t", "--accept-reading")
    with serving(reading(text, ("asset", "other.py", "it is `other.py` that scores"))) as server:
        done = read_with(server, "run", project, *flags)
    assert "`other.py` is protected here" in done.stderr
    assert done.returncode == 2
    assert not (project / LOCK).exists()


def test_what_the_model_protects_stays_protected_once_it_is_accepted(tmp_path: Path):
    text = "В папке `src/` меняй всё, а `src/judge.py` не трогай.\n"
    project = make_project(tmp_path / "project", program=text)
    (project / "src").mkdir()
    for name in ("model.py", "judge.py"):
        (project / "src" / name).write_text("X = 3.0\n")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=more")
    given = (
        ("asset", "src/**", "В папке `src/` меняй всё"),
        (
            "protected",
            "src/judge.py",
            "а `src/judge.py` не трогай",
        ),
    )
    with serving(reading(text, *given)) as server:
        first = read_with(server, "check", project, *MOST, "--accept-reading")
        again = read_with(server, "check", project, *MOST)
    assert len(server.requests) == 1
    for done in (first, again):
        assert done.returncode == 0, done.stdout + done.stderr
        assert "src/**, !src/judge.py" in done.stdout
        assert "accepted, by a model" in done.stdout


def test_init_writes_what_the_model_read_as_front_matter(tmp_path: Path):
    project, text = foreign(tmp_path)
    with serving(reading(text, *RUSSIAN)) as server:
        done = read_with(server, "init", project, "--program", "program.md", "--accept-reading")
    assert done.returncode == 0, done.stdout + done.stderr
    written = (project / "program.md").read_text("utf-8")
    assert written.endswith(text)
    assert "asset: asset.py\n" in written and "protected: other.py\n" in written


def test_two_values_where_one_belongs_are_refused(tmp_path: Path):
    project, text = foreign(tmp_path)
    other = ("time_box", "20 s", "Если он идёт дольше 20 секунд")
    with serving(reading(text, *RUSSIAN, other)) as server:
        done = read_with(server, "run", project, "--tag", "t")
    assert "`time_box` is refused: it is `10 s` and `20 s`" in done.stdout + done.stderr
    assert done.returncode == 2


def test_a_file_that_is_quoted_and_is_not_there_is_no_asset(tmp_path: Path):
    project, text = foreign(tmp_path)
    text = text.replace("`asset.py`", "`gone.py`")
    (project / "program.md").write_text(text)
    given = ("asset", "gone.py", "Меняй только файл `gone.py`"), *RUSSIAN[1:]
    with serving(reading(text, *given)) as server:
        done = read_with(server, "run", project, "--accept-reading", "--tag", "t")
    assert "`gone.py` is refused: no tracked file" in done.stdout + done.stderr
    assert done.returncode == 2


def test_a_file_that_the_evaluation_runs_is_no_asset(tmp_path: Path):
    project, text = foreign(tmp_path, "korean-night.md")
    quoted = "`python judge.py`로 채점합니다."
    given = [each for each in KOREAN if each[0] not in ("asset", "protected")]
    with serving(reading(text, *given, ("asset", "judge.py", quoted))) as server:
        done = read_with(server, "run", project, "--accept-reading", "--tag", "t")
    assert "the command `python judge.py` runs it" in done.stdout + done.stderr
    assert done.returncode == 2


WHOLE = values((PROGRAMS / "russian-night.md").read_text("utf-8"), *RUSSIAN)
GARBAGE: dict[str, tuple[list[Answer], int]] = {
    "prose": ([said("The asset is asset.py, I think.")], 2),
    "nothing": ([said("")], 2),
    "a refusal": ([answered({"role": "assistant", "content": None, "refusal": "I cannot."})], 2),
    "an empty reading": ([said('{"values": [], "questions": []}')], 2),
    "a list": ([said("[1, 2]")], 2),
    "other types": ([said('{"values": "all", "questions": 3}')], 2),
    "half of it": ([said(WHOLE[: len(WHOLE) // 2])], 2),
    "brackets": ([said("[" * 5000)], 2),
    "half of the connection": ([Answer(b'{"id": 1}', drop=True)] * 3, 1),
    "a page": ([Answer(b"<html>", kind="text/html")] * 3, 1),
    "an error of the server": ([error(500, "out of memory")] * 3, 1),
    "no such model": ([error(404, "no such model")], 1),
    "a text that is too long": ([error(400, "maximum context length is 10 tokens")] * 6, 1),
}


@pytest.mark.parametrize("case", GARBAGE)
def test_garbage_ends_with_one_sentence_and_the_way_without_a_model(
    tmp_path: Path,
    case: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    key_and_no_pauses: None,
):
    script, status = GARBAGE[case]
    project, _ = foreign(tmp_path)
    before = snapshot(project)
    with serving(*script) as server, pytest.raises(SystemExit) as ended:
        options = ["--read-with", "openai:scripted", "--base-url", server.url, "--accept-reading"]
        monkeypatch.setattr(sys, "argv", ["autoresearch", "run", str(project), *options, "--json"])
        main()
    assert ended.value.code == status
    assert not server.script
    out, err = capsys.readouterr()
    last = json.loads(out.splitlines()[-1])
    assert last["code"] == ("no-reading" if status == 2 else "model-failed")
    assert "--read-with rules" in last["text"] and "front matter" in last["text"]
    assert err.splitlines()[-1] == f"autoresearch: {last['text']}"
    assert snapshot(project) == before


def test_a_server_that_says_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch, key_and_no_pauses: None
):
    monkeypatch.setattr(proposer, "_TIMEOUT", 0.2)
    hung = Answer(b"", hang=True)
    said_meanwhile: list[str] = []
    with serving(hung, hung, hung) as server:
        chat = open_chat("openai:scripted", base_url=server.url)
        with pytest.raises(LabError, match="does not answer") as caught:
            ask(chat, "text", ["asset.py"], say=said_meanwhile.append, hide=str)
    assert caught.value.code == "model-failed"
    assert len(said_meanwhile) == 2


def test_a_server_without_structured_output_is_asked_for_a_tool_call(tmp_path: Path):
    project, text = foreign(tmp_path)
    refusal = error(400, "response_format is not supported")
    with serving(refusal, said(None, ("ProgramSchema", values(text, *RUSSIAN)))) as server:
        done = read_with(server, "run", project, "--accept-reading", "--tag", "t")
    assert done.returncode == 0, done.stderr
    first, second = server.requests
    assert "response_format" in first and second["tool_choice"]["function"]["name"]


def test_the_request_holds_the_schema_the_text_and_the_files_and_nothing_else(tmp_path: Path):
    project, text = foreign(tmp_path)
    (project / "untracked.txt").write_text("not for anybody")
    with serving(reading(text, *RUSSIAN)) as server:
        read_with(server, "check", project)
    (sent,) = server.requests
    assert set(sent) == {"model", "stream", "messages", "response_format"}
    system, user = sent["messages"]
    assert (system["role"], user["role"]) == ("system", "user")
    schema = sent["response_format"]["json_schema"]["schema"]
    assert set(schema["properties"]) == {"values", "questions"}
    head, _, body = user["content"].partition("\n\nProgram file, with the number of each line:\n")
    assert head.splitlines()[1:] == ["asset.py", "judge.py", "model.py", "other.py", "program.md"]
    assert [line.partition(": ")[2] for line in body.splitlines()] == text.splitlines()
    whole = json.dumps(sent)
    for stranger in ("sk-not-to-be-seen", "untracked", "(x - 1.0)", str(tmp_path), "PATH"):
        assert stranger not in whole


def test_the_schema_is_one_that_strict_servers_take(tmp_path: Path):
    """Every property is required, no other is allowed, and no keyword is an unusual one."""
    project, text = foreign(tmp_path)
    with serving(reading(text, *RUSSIAN)) as server:
        read_with(server, "check", project)
    given = server.requests[0]["response_format"]["json_schema"]
    assert given["strict"] is True
    usual = {"type", "enum", "items", "properties", "required", "description", "title", "$ref"}
    usual |= {"additionalProperties", "$defs"}

    def walk(schema: dict[str, object]) -> None:
        assert set(schema) <= usual
        if schema.get("type") == "object":
            properties = schema["properties"]
            assert isinstance(properties, dict)
            assert schema["required"] == list(properties)
            assert schema["additionalProperties"] is False
            for each in properties.values():
                walk(each)
        if isinstance(schema.get("items"), dict):
            walk(schema["items"])  # type: ignore[arg-type]

    walk(given["schema"])
    walk(given["schema"]["$defs"]["Value"])


def test_a_text_that_states_everything_is_not_sent(tmp_path: Path):
    project = make_project(tmp_path / "project", program=PROGRAM)
    with serving() as server:
        done = read_with(server, "check", project)
    assert done.returncode == 0, done.stderr
    assert server.requests == []


def test_a_stated_value_is_not_the_models_affair(tmp_path: Path):
    project, text = foreign(tmp_path)
    text = f"---\ntime_box: 5 s\n---\n{text}"
    (project / "program.md").write_text(text)
    with serving(reading(text, *RUSSIAN)) as server:
        done = read_with(server, "run", project, "--accept-reading", "--tag", "t")
    assert done.returncode == 0, done.stderr
    program = find(Settings(project=project, tag="t")).program
    assert program.time_box.seconds == 5


def test_the_model_that_proposes_reads_by_default_and_rules_on_request(tmp_path: Path):
    project, text = foreign(tmp_path)
    with serving(reading(text, *RUSSIAN)) as server:
        options = ("--model", "openai:scripted", "--base-url", server.url)
        by_model = autoresearch("check", project, *options)
        by_rules = autoresearch("check", project, *options, "--read-with", "rules")
    told = by_model.stdout + by_model.stderr
    assert "reading program.md with openai:scripted" in told
    assert "inferred, by a model" in told
    assert len(server.requests) == 1
    assert "reading program.md" not in by_rules.stdout + by_rules.stderr


def test_what_is_not_accepted_is_shown_and_not_kept(tmp_path: Path):
    project, text = foreign(tmp_path)
    with serving(reading(text, *RUSSIAN)) as server:
        done = read_with(server, "run", project, "--tag", "t", "--quiet")
    assert done.returncode == 2
    told = done.stdout + done.stderr
    assert "Меняй только файл `asset.py`" in told and "asset: asset.py" in told
    assert not (project / LOCK).exists()
    assert not (project / ".autoresearch/t").exists()


def test_a_question_of_the_model_is_shown(tmp_path: Path):
    project, text = foreign(tmp_path)
    answer = json.loads(values(text, *RUSSIAN)) | {"questions": ["Which file is the judge?"]}
    with serving(said(json.dumps(answer))) as server:
        done = read_with(server, "check", project)
    assert "the model asks: Which file is the judge?" in done.stdout + done.stderr
