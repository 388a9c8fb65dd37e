"""The rules of this house, as tests that say what to do."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from ledgerstone.cli import main
from ledgerstone.ledger.accounts import CHART
from ledgerstone.ledger.fact import Fact
from ledgerstone.ledger.facts import BY_TAG, tag
from ledgerstone.ledger.posting import TABLE
from ledgerstone.projections.view import View
from ledgerstone.projections.views import VIEWS
from tests import view_digests
from tests.documents import DOCS, RENDERED
from tests.examples import EXAMPLES, released

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

SHAPES = ROOT / "src/demo/stripe_shapes"  # another company's objects, field by field
LONGEST_FUNCTION = 60
LONGEST_FILE = 400


def _id(path: object) -> str:
    return str(path.relative_to(ROOT)) if isinstance(path, Path) else str(path)


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text())
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("path", SOURCES, ids=_id)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    empty = not path.read_text().strip()
    assert empty or ast.get_docstring(ast.parse(path.read_text())), f"{_id(path)}: write its first sentence"


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=_id)
def test_files_and_functions_can_be_read_in_one_go(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= LONGEST_FILE, f"{_id(path)} has {lines} lines: it has two subjects, part them"
    for function in _functions(path) if path.parent != SHAPES else ():
        length = (function.end_lineno or 0) - function.lineno + 1
        assert length <= LONGEST_FUNCTION, f"{_id(path)}: {function.name} has {length} lines, part it"


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=_id)
def test_nothing_is_left_for_later(path: Path) -> None:
    left = re.findall("TO" + "DO|FIX" + "ME|XX" + "X ", path.read_text())
    assert not left, f"{_id(path)} says {left[0]}: do it, or write down in docs/ why not"


def test_every_view_is_listed() -> None:
    listed = {type(view) for view in VIEWS}
    for path in (ROOT / "src/projections").glob("*.py"):
        module = importlib.import_module(f"ledgerstone.projections.{path.stem}")
        for name, found in inspect.getmembers(module, inspect.isclass):
            if issubclass(found, View) and found is not View and found.__module__ == module.__name__:
                assert found in listed, f"{_id(path)}: add {name} to VIEWS in projections/views.py"


@pytest.mark.parametrize("name", BY_TAG)
def test_every_fact_has_an_example_and_a_released_row(name: str) -> None:
    examples = {tag(type(row.body)) for row in EXAMPLES}
    assert name in examples, f"{name}: give it an example in tests/examples.py"
    assert name in {line.tag for line in released()}, (
        f"{name}: run scripts/release_facts, and commit the line"
    )


def test_every_rule_names_accounts_of_the_chart_and_fields_of_its_fact() -> None:
    for fact, rules in TABLE.items():
        for rule in rules:
            for account, subject in (side.split(":") for side in (rule.debit, rule.credit)):
                known = _is_field(fact, account) if "." in account else account in CHART
                assert known, f"{tag(fact)}: {account} is not in ledger/accounts.py"
                assert _is_field(fact, subject), f"{tag(fact)} has no field {subject}"
            for field in (rule.amount, rule.currency, rule.where.partition("=")[0]):
                assert not field or _is_field(fact, field), f"{tag(fact)} has no field {field}"


def _is_field(fact: type[Fact], name: str) -> bool:
    """Or what is worked out from fields, of the fact or of one of its shares."""
    first, _, of_share = name.partition(".")
    if not of_share:
        return hasattr(fact, name)
    (each, _) = get_args(get_type_hints(fact)[first])
    return hasattr(each, of_share)


@pytest.mark.parametrize("name", RENDERED)
def test_documents_are_as_the_code_says(name: str) -> None:
    assert (DOCS / name).read_text() == RENDERED[name](), f"docs/{name} is old: run scripts/render"


def test_a_view_shows_the_same_under_the_same_version() -> None:
    now, before = view_digests.digests(), view_digests.stored()
    assert not view_digests.changed(now, before), (
        "give the view its next version, then run scripts/release_views"
    )
    assert now == before, (
        "views or the logs of the tests are new: run scripts/release_views, and commit the file"
    )


def test_the_readme_names_commands_and_files_that_exist() -> None:
    text = (ROOT / "README.md").read_text()
    for command in re.findall(r"ledgerstone ([a-z]+)", text):
        assert command in main.commands, f"README.md names `ledgerstone {command}`, which there is not"
    for path in re.findall(r"(?:scripts|docs|src|tests)/[\w./-]*\w", text):
        assert (ROOT / path).exists(), f"README.md names {path}, which there is not"


def test_comments_point_to_documents_that_exist() -> None:
    for path in [*SOURCES, *(ROOT / "src").rglob("*.sql")]:
        for name in re.findall(r"docs/[\w./-]+\.md", path.read_text()):
            assert (ROOT / name).exists(), f"{_id(path)} points to {name}, which there is not"
