"""The modules of the main job, with a cache of their own."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from tests.pretraining.job import ROOT

if TYPE_CHECKING:
    import torch


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def prepare(cache: Path) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTORESEARCH_CACHE", str(cache))
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        patch.syspath_prepend(ROOT)
        import torch

        import prepare

        torch.set_num_threads(1)
        yield prepare


@pytest.fixture(scope="session")
def train(prepare: ModuleType) -> ModuleType:
    import train

    return train


@pytest.fixture
def random_model(train: ModuleType) -> "torch.nn.Module":
    """A model with all parts, of which each matters: a fresh one starts as the identity."""
    import torch

    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        for name, number in (("VALUE_LAYERS", 1), ("BIGRAMS", 4096), ("TRIGRAMS", 4096)):
            patch.setattr(train, name, number)
        model = train.GPT()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model
