"""One peer's loop over the asset in a folder, for peers.py: run by a Python that has the peer.

    python benchmarks/peer_loops.py openevolve|gepa FOLDER PROPOSALS URL

Appends the time at which each run begins to runs.txt in the folder.
"""

import json
import subprocess
import time
import urllib.request
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

EVALUATOR = """\
import sys
sys.path.insert(0, {here!r})
from pathlib import Path
from peer_loops import loss

def evaluate(program_path):
    return {{"combined_score": -loss(Path({folder!r}), Path(program_path).read_text())}}
"""


def loss(folder: Path, text: str) -> float:
    """Run the asset with this text as everybody does, and read its number."""
    (folder / "asset.py").write_text(text)
    with (folder / "runs.txt").open("a") as file:
        file.write(f"{time.perf_counter()}\n")
    done = subprocess.run(
        ["/bin/sh", "-c", "python asset.py"],
        cwd=folder,
        env=json.loads((folder / "environment.json").read_text()),
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.split("loss:")[1])


def openevolve(folder: Path, proposals: int, url: str) -> None:
    """Its own loop with its own defaults, one evaluation at a time, whole texts, no retries."""
    from openevolve import run_evolution
    from openevolve.config import Config, LLMModelConfig

    evaluator = folder / "evaluator.py"
    here = str(Path(__file__).parent)
    evaluator.write_text(EVALUATOR.format(here=here, folder=str(folder)))
    config = Config()
    config.diff_based_evolution = False
    config.evaluator.parallel_evaluations = 1
    config.evaluator.cascade_evaluation = False
    config.llm.models = [
        LLMModelConfig(name="scripted", api_base=url, api_key="none", timeout=60, retries=0)
    ]
    run_evolution(
        initial_program=str(folder / "asset.py"),
        evaluator=str(evaluator),
        config=config,
        iterations=proposals,
        output_dir=str(folder / "out"),
        cleanup=False,
    )


def gepa(folder: Path, proposals: int, url: str) -> None:
    """Its own loop over one example, with its state on the disk."""
    import gepa
    from gepa.core.adapter import EvaluationBatch

    class Adapter:
        propose_new_texts = None

        def evaluate(self, batch: Any, candidate: Any, capture_traces: bool = False) -> Any:
            scores = [-loss(folder, candidate["asset"]) for _ in batch]
            traces = [{"score": score} for score in scores]
            return EvaluationBatch(
                outputs=scores, scores=scores, trajectories=traces if capture_traces else None
            )

        def make_reflective_dataset(self, candidate: Any, batch: Any, components: Any) -> Any:
            return {name: [{"Feedback": f"{batch.scores}"}] for name in components}

    def ask(prompt: Any) -> str:
        question = json.dumps({"model": "scripted", "messages": [{"content": str(prompt)}]})
        request = urllib.request.Request(
            f"{url}/chat/completions", question.encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            return str(json.load(answer)["choices"][0]["message"]["content"])

    gepa.optimize(
        seed_candidate={"asset": (folder / "asset.py").read_text()},
        trainset=[0],
        valset=[0],
        adapter=Adapter(),
        reflection_lm=ask,
        reflection_minibatch_size=1,
        skip_perfect_score=False,
        stop_callbacks=lambda state: state.i >= proposals,
        run_dir=str(folder / "out"),
    )


if __name__ == "__main__":
    arguments = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    arguments.add_argument("peer", choices=("openevolve", "gepa"))
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("proposals", type=int)
    arguments.add_argument("url")
    given = arguments.parse_args()
    peer = openevolve if given.peer == "openevolve" else gepa
    peer(given.folder, given.proposals, given.url)
