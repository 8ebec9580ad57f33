"""Small data, and recipes of seconds, for models that write."""

import pytest

from glassformer.train import recipes
from tests.train import small


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return small.folder(tmp_path_factory.mktemp("data"))


@pytest.fixture
def brief(monkeypatch):
    for name, recipe in small.RECIPES.items():
        monkeypatch.setitem(recipes.RECIPES, name, recipe)
