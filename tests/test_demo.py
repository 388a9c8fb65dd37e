"""`ledgerstone demo` tells a history over HTTP, and the figures are the truth; again, it is quick."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledgerstone.commands.figures import amount, differences


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that the embedded server's user reaches, with a space in its name."""
    with tempfile.TemporaryDirectory(prefix="ledgerstone demo ") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def _demo(home: Path) -> str:
    command = [sys.executable, "-m", "ledgerstone", "demo", "--exit", "--home", str(home)]
    ended = subprocess.run(
        [*command, "--customers", "15", "--months", "4"],
        capture_output=True,
        text=True,
        env={**os.environ, "DATABASE_URL": "host=/nowhere dbname=real_books"},
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_the_figures_are_the_truth_and_a_second_run_tells_nothing_new(home: Path) -> None:
    first, second = _demo(home), _demo(home)

    assert "equal to the generator's truth" in first
    assert "EUR" in first
    assert "known already" in second
    assert first[first.index("\nEUR") :] == second[second.index("\nEUR") :]


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(123450, "eur", "1,234.50"), (-5, "usd", "-0.05"), (1234, "jpy", "1,234"), (1001, "kwd", "1.001")],
)
def test_amounts_have_the_decimals_of_their_currency(minor: int, currency: str, text: str) -> None:
    assert amount(minor, currency) == text


def test_what_differs_from_the_truth_is_named() -> None:
    true = {"period": "2026-10", "currency": "eur", "mrr": 4900}
    assert differences(("mrr",), [{**true, "mrr": 4901}], [true]) == [
        "2026-10 eur mrr: 4901 answered, 4900 true"
    ]
    assert differences(("mrr",), [], [{**true, "mrr": 0}]) == []
