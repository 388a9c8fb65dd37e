"""The package is what src/ is, wherever it is installed, and leaves the standard library alone."""

import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import util
from pathlib import Path

import pytest

import ledgerstone

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def _sources() -> set[str]:
    """Every file of src/ that is meant to be there, under the package's name."""
    found = (path for path in (ROOT / "src").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(Path("ledgerstone") / path.relative_to(ROOT / "src")) for path in found}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """A wheel, built with what is installed here, without the network."""
    out = tmp_path_factory.mktemp("wheel")
    build = "import os, sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, out], cwd=ROOT, check=True, capture_output=True)
    (path,) = out.glob("*.whl")
    with zipfile.ZipFile(path) as file:
        yield file


def test_the_standard_librarys_http_is_not_ours() -> None:
    spec = util.find_spec("http.client")
    assert spec is not None
    assert ROOT not in Path(spec.origin or "").parents, (
        "src must not be on sys.path: run python -m ledgerstone"
    )


def test_a_wheel_holds_every_file_of_src_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == _sources()
    assert any(name.endswith(".sql") for name in held)


def test_a_wheel_brings_the_command(wheel: zipfile.ZipFile) -> None:
    (points,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "ledgerstone = ledgerstone.cli:main" in wheel.read(points).decode()


def test_the_module_runs_as_a_command() -> None:
    said = subprocess.run([sys.executable, "-m", "ledgerstone", "--help"], capture_output=True, text=True)
    assert said.returncode == 0
    assert said.stdout.startswith("Usage: ledgerstone ")


def test_the_link_shows_type_checkers_the_same_package() -> None:
    link = ROOT / PYPROJECT["tool"]["mypy"]["mypy_path"] / "ledgerstone"
    assert link.is_symlink()
    assert link.readlink() == Path("../src")
    assert Path(ledgerstone.__file__ or "").resolve() == (ROOT / "src/__init__.py").resolve()


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-dev.txt"])
def test_every_requirement_is_pinned_with_hashes_and_names_no_index(name: str) -> None:
    text = (ROOT / name).read_text()
    entries = [entry for entry in text.replace("\\\n", " ").splitlines() if entry.strip()]
    assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
    assert "index" not in text
