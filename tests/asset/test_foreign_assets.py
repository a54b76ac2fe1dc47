"""Assets that run although the lab reads them otherwise: marks, line ends, dialects, filters."""

import json
from pathlib import Path
from typing import Any

import pytest

from autoresearch_graph import research
from autoresearch_graph.asset.line_ends import as_in
from autoresearch_graph.settings import Settings
from autoresearch_graph.setup.preflight import check_project
from tests.support.cli import autoresearch
from tests.support.models import modelled
from tests.support.projects import PROGRAM, git, make_project, run

pytestmark = pytest.mark.usefixtures("key_and_no_pauses")

FILES = {
    "asset.py": b"\xef\xbb\xbfimport re\r\n# \x0c \xe2\x80\xa8\r\nX = 3.0 \r\nY = 1\r\nZ = 1\r\n",
    "src/c.json": b'{\n  // a rate\n  "lr": 3\n}',
    "src/d.yaml": b"a: !include b\rlr: 3\r\nb: 1\n",
    "src/e.py": b"print 'two'\nZ = 1\n",
    "src/f.py": b"Z = 1\n",
}
COMMAND = 'python -c \'print("loss:", sum(open(n).read().count("3") for n in NAMES))\''
SEVERAL = PROGRAM.replace("`asset.py`", "- `asset.py`\n- `src/*`").replace(
    "python asset.py", COMMAND.replace("NAMES", '("asset.py", "src/c.json", "src/d.yaml")')
)


def put(project: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_bytes(data)
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=files")


def checked(project: Path) -> list[str]:
    settings = Settings(project=project, tag="t")
    return [
        f"{finding.name}: {finding.value}"
        for finding in check_project(settings)
        if finding.name in ("git", "caveat", "model")
    ]


def test_a_model_edits_what_the_lab_cannot_parse_and_each_file_keeps_its_line_ends(
    llmock: Any, tmp_path: Path
) -> None:
    project = make_project(tmp_path / "p", program=SEVERAL)
    put(project, FILES)
    told = "\n".join(checked(project))
    assert "caveat: src/c.json cannot be parsed by the lab" in told
    assert "caveat: src/e.py cannot be parsed" in told and "src/d.yaml cannot" not in told
    for name, arguments in (
        ("read_file", {"path": "asset.py", "offset": 3}),
        ("edit_file", {"path": "asset.py", "old_string": "X = 3.0\nY", "new_string": "X = 2\nY"}),
        (
            "edit_file",
            {"path": "asset.py", "old_string": "X = 3.0 \nY = 1\n", "new_string": "X = 2\n"},
        ),
        ("write_file", {"path": "src/c.json", "content": '{\n  // a rate\n  "lr": 2\n}'}),
        ("edit_file", {"path": "src/d.yaml", "old_string": "lr: 3\r\nb", "new_string": "lr: 2\nb"}),
        ("edit_file", {"path": "src/e.py", "old_string": "Z = 1", "new_string": "Z = 2"}),
        ("edit_file", {"path": "src/f.py", "old_string": "Z = 1", "new_string": "Z = ("}),
        ("propose", {"hypothesis": "h", "description": "broken"}),
        ("edit_file", {"path": "src/f.py", "old_string": "Z = (", "new_string": "Z = 1"}),
        ("propose", {"hypothesis": "h", "description": "d"}),
    ):
        llmock.call_tool(name, arguments)
    with modelled(project, experiments=1) as lab:
        research.run(lab)
        rows = list(lab.ledger.experiments)
    assert [row.status for row in rows] == ["keep", "keep"]
    told = json.dumps([request.body for request in llmock.requests])
    for words in (
        r"     3\tX = 3.0 \n     4\tY = 1",
        "Only white space differs",
        r"'X = 3.0 '\n     4",
        "Refused: src/f.py does not parse",
    ):
        assert words in told, words
    git(project, "merge", "--quiet", "autoresearch/t")
    wanted = {
        "asset.py": FILES["asset.py"].replace(b"X = 3.0 \r\nY = 1\r\n", b"X = 2\r\n"),
        "src/c.json": FILES["src/c.json"].replace(b"3", b"2"),
        "src/d.yaml": FILES["src/d.yaml"].replace(b"3", b"2"),
        "src/e.py": FILES["src/e.py"].replace(b"Z = 1", b"Z = 2"),
        "src/f.py": FILES["src/f.py"],
    }
    assert {name: (project / name).read_bytes() for name in FILES} == wanted


def test_a_run_gets_the_line_ends_that_git_checks_out_and_a_commit_those_that_it_stores(
    tmp_path: Path,
) -> None:
    found = "(b'X = %d\\r\\n' % X in open('asset.py', 'rb').read())"
    text = f"X = 3\nprint('loss:', X + 9 - 9 * {found})\n"
    project = make_project(tmp_path / "p", text=text)
    put(project, {".gitattributes": b"asset.py text eol=crlf ident\n"})
    own = tmp_path / "mine.py"
    own.write_bytes(b"\xef\xbb\xbf" + text.replace("X = 3", "X = 1").replace("\n", "\r\n").encode())
    run(project, [], experiments=1)
    assert autoresearch("propose", own, project).returncode == 0
    _, rows = run(project, [text.replace("X = 3", "X = 2")], experiments=1)
    assert [row.metric for row in rows] == [3.0, 1.0]
    git(project, "merge", "--quiet", "autoresearch/t")
    assert git(project, "status", "--porcelain") == ""
    stored = git(project, "cat-file", "blob", "HEAD:asset.py")
    assert stored == text.replace("X = 3", "X = 1").strip()


@pytest.mark.parametrize(
    ("old", "given", "written"),
    [
        ("a\r\nb\r\n", "a\nc\n", "a\r\nc\r\n"),
        ("a\nb\n", "\ufeffa\r\nc", "a\nc"),
        ("a\rb\r", "a\nb\nc\n", "a\rb\rc\r"),
        ("a\nb\r\nc\r", "a\nB\nc", "a\nB\r\nc"),
        ("a\nb\r\nc\n", "a\nb\nnew\nc\n", "a\nb\r\nnew\r\nc\n"),
        ("\ufeffa", "b\r\n", "\ufeffb\r\n"),
        ("", "a\r\nb\n", "a\r\nb\n"),
    ],
)
def test_a_text_gets_the_line_ends_and_the_mark_of_the_file(
    old: str, given: str, written: str
) -> None:
    assert as_in(given, old) == written == as_in(written, old)


def test_check_says_of_the_commit_what_keeps_a_file_from_being_the_asset(project: Path) -> None:
    committed = (project / "asset.py").read_bytes()
    (project / "asset.py").write_text("X = (\n")
    assert "model: search, over 1 constant: X" in checked(project)
    attributes = project / ".git/info/attributes"
    attributes.write_text("*.py filter=f\n")
    assert checked(project)[0].startswith("git: t starts from main")  # f is not set up
    git(project, "config", "filter.f.clean", "cat")
    assert "filter=f in its attributes" in checked(project)[0]
    done = autoresearch("run", project)
    assert done.returncode == 2 and "asset.py cannot be the asset: git stores" in done.stderr
    attributes.write_text("asset.py working-tree-encoding=UTF-16\n")
    assert "working-tree-encoding=UTF-16 in its" in checked(project)[0]
    attributes.unlink()
    for data, why in (
        (b"# \xf6\nX = 1\n", "start byte"),
        (b"\xff\xfeX\0", "UTF-16"),
        (b"X\0", "null"),
    ):
        put(project, {"asset.py": data})
        assert "asset.py is not UTF-8 text" in checked(project)[-1] and why in checked(project)[-1]
    put(project, {"asset.py": committed, ".gitignore": b"asset.py\n"})
    git(project, "rm", "--quiet", "--cached", "asset.py")
    git(project, "commit", "--quiet", "--message=ignored")
    assert "git add --force asset.py && git commit" in checked(project)[0]


@pytest.mark.parametrize("asset", ["vendor/asset.py", "vendor/*.py"])
def test_an_asset_in_a_submodule_is_told_where_the_research_belongs(
    tmp_path: Path, asset: str
) -> None:
    project = make_project(tmp_path / "p", program=PROGRAM.replace("asset.py", asset))
    make_project(project / "vendor")
    said = f"git: {asset} cannot be the asset, as vendor is a submodule: run the research in that"
    assert checked(project)[0].startswith(said)
    git(project, "-c", "advice.addEmbeddedRepo=false", "add", "vendor")
    git(project, "commit", "--quiet", "--message=submodule")
    assert checked(project)[0].startswith(said)
