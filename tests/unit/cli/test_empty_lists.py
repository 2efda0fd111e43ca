"""A list without offers says so, and how to make one; a program still reads an empty document."""

import asyncio
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from sealgrid.cli import app, model, session


@pytest.fixture
def shop(monkeypatch):
    """A function that runs ``sealgrid app|model WORDS`` on a network without offers."""

    async def no_offers(*, mine, runs):
        return ()

    def run_as(choice, data, work):
        asyncio.run(work(SimpleNamespace(**{name: SimpleNamespace(list=no_offers) for name in ("apps", "models")})))

    monkeypatch.setattr(session, "run_as", run_as)
    nouns = {"app": app.app, "model": model.app}
    return lambda noun, *words: CliRunner().invoke(nouns[noun], words)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("app", "list"), "no app is for sale here: sealgrid app deploy --help"),
        (("app", "list", "--mine"), "this account offers no app: sealgrid app deploy --help"),
        (("model", "list"), "no model is for sale here: sealgrid model publish --help"),
        (("model", "list", "--mine"), "this account offers no model: sealgrid model publish --help"),
    ],
)
def test_an_empty_list_says_what_to_do(shop, words, sentence):
    ended = shop(*words)
    assert (ended.exit_code, ended.stdout, ended.stderr.strip()) == (0, "", sentence)


@pytest.mark.parametrize("noun", ["app", "model"])
def test_a_program_reads_an_empty_document(shop, noun):
    assert shop(noun, "list", "--json").stdout == "[]\n"
