"""What a run gets of the lab's environment."""

import sys
from pathlib import Path

import pytest

from autoresearch_graph.core.program import Environment
from autoresearch_graph.runner import run_environment

SECRETS = {
    "OPENAI_API_KEY": "sk-abc",
    "HF_TOKEN": "hf_abc",
    "AWS_ACCESS_KEY_ID": "AKIAABC",
    "AWS_SECRET_ACCESS_KEY": "abc",
    "PGPASSWORD": "abc",
    "CUDA_SESSION_COOKIE": "abc",
    "GITHUB_PAT": "abc",
    "NPM_CONFIG__AUTHTOKEN": "abc",
    "SSH_AUTH_SOCK": "/tmp/agent.1",
    "DOCKER_HOST": "tcp://localhost:2375",
    "XDG_DATA_HOME": "unix:path=/run/bus",
    "HTTPS_PROXY": "http://me:secret@proxy:3128",
}


def test_no_credential_passes_even_if_it_is_named():
    named = Environment(variables=(*SECRETS, "*"))
    environment = run_environment(SECRETS, named, seconds=300, seed=0)
    assert not SECRETS.keys() & environment.keys()
    assert not set(SECRETS.values()) & set(environment.values())


def test_only_what_is_listed_or_named_passes():
    base = {"HOME": "/home/me", "CUDA_VISIBLE_DEVICES": "1", "HF_HOME": "/data", "EDITOR": "vi"}
    base |= {"PYTHONPATH": "/elsewhere", "LD_PRELOAD": "x.so", "TOKENIZERS_PARALLELISM": "false"}
    named = Environment(variables=("HF_HOME", "TOKENIZERS_PARALLELISM", "ABSENT"))
    environment = run_environment(base, named, seconds=300, seed=0)
    assert environment["CUDA_VISIBLE_DEVICES"] == "1"
    assert environment["HF_HOME"] == "/data"
    assert environment["TOKENIZERS_PARALLELISM"] == "false"
    assert not {"EDITOR", "PYTHONPATH", "LD_PRELOAD", "ABSENT"} & environment.keys()


def test_python_is_the_interpreter_of_the_lab():
    environment = run_environment({"PATH": "/bin"}, Environment(), seconds=1, seed=0)
    first, *others, last = environment["PATH"].split(":")
    assert (first, others) == (str(Path(sys.executable).parent), ["/bin"])
    assert last.endswith("stand_ins"), "where uv is missing"


def test_the_run_knows_its_time_box_and_its_seed():
    environment = run_environment({}, Environment(), seconds=300.0, seed=3)
    assert environment["AUTORESEARCH_TIME_BOX"] == "300"
    assert environment["AUTORESEARCH_SEED"] == "3"


@pytest.mark.parametrize(
    ("base", "policy"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")]
)
def test_idle_threads_wait_quietly_unless_told_otherwise(base: dict[str, str], policy: str):
    environment = run_environment(base, Environment(), seconds=1, seed=0)
    assert environment["OMP_WAIT_POLICY"] == policy
