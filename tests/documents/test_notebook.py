"""The notebook runs from top to bottom, without the network, and shows its plots."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
NOTEBOOK = Path(__file__).parent.parent.parent / "notebooks" / "overnight.ipynb"


@pytest.fixture(autouse=True)
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that traces nowhere and leaves nothing at home."""
    for name in ("JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "TMPDIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("LANGSMITH_TRACING", "false")


def test_the_notebook_is_kept_without_its_outputs():
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)


@pytest.mark.filterwarnings("default")  # those of Jupyter are not ours
def test_the_notebook_runs_and_ends_with_a_plot_and_a_branch():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    said = "".join(output["text"] for output in outputs if output["output_type"] == "stream")
    assert "done after 14 experiments" in said
    assert "better by" in said and "tracing is off" in said
    assert said.rstrip().endswith(" start"), "the branch begins where the project did"
    (picture,) = pictures(outputs)
    assert picture.startswith(b"\x89PNG") and len(picture) > 10_000
    drawn = [output["data"].get("text/markdown", "") for output in outputs if "data" in output]
    assert any("read_program -.-> propose" in text for text in drawn)


def pictures(outputs: list[dict[str, Any]]) -> list[bytes]:
    found = (output.get("data", {}).get("image/png") for output in outputs)
    return [base64.b64decode(text) for text in found if text]
