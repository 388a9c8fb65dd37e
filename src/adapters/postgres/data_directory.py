"""What does the embedded server find on disk: data, settings, a place for its socket, no remains of a crash?

Root writes here into directories of a less trusted user, so every file is made anew beside its place and
moved there: a symbolic link that somebody left is replaced, never followed.
"""

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ledgerstone.adapters.postgres.account import Account, give, may_connect, run
from ledgerstone.adapters.postgres.binaries import Binaries, EmbeddedError

SUPERUSER = "postgres"
PORT = 5432  # PostgreSQL's own choice, and only part of the socket's name
LONGEST_SOCKET_PATH = 100  # bytes; Linux allows 107, macOS 103
IMPOSSIBLE_PID = 2147483646
QUOTE = '"'
SETTINGS = {
    "cluster_name": "ledgerstone",  # what ps shows
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "max_parallel_workers_per_gather": "0",  # a parallel hash join may need more than a container's /dev/shm
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def create(data: Path, binaries: Binaries, account: Account, keep: Sequence[int]) -> None:
    """Make a data directory; a kill at any point leaves either a whole one or none."""
    unfinished = data.with_name("data.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    _give_directory(unfinished, account)
    run(_initdb(binaries, unfinished), account, data.parent, keep)
    os.rename(unfinished, data)
    _sync(data.parent)


def _initdb(binaries: Binaries, data: Path) -> list[str]:
    """Sorted by bytes, by PostgreSQL itself where it can, so that no update of the system harms an index."""
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if binaries.major >= 17 else []
    who = ["-U", SUPERUSER, "--auth-local=peer", "--auth-host=reject"]
    return [binaries.program("initdb"), "-D", data.name, *who, "-E", "UTF8", "--locale=C", *builtin, "-k"]


def configure(
    data: Path, sockets: Path, account: Account, roles: Iterable[str], settings: Mapping[str, str]
) -> None:
    """Write settings and access rules; done before every start, so that they are always this version's."""
    private = {
        "listen_addresses": "",
        "unix_socket_directories": f'"{str(sockets).replace(QUOTE, QUOTE * 2)}"',
        "unix_socket_permissions": "0700",
    }
    _write(data / "postgresql.conf", _lines({**SETTINGS, **settings, **private}), account)
    _write(data / "pg_hba.conf", "local all,replication all peer map=ledgerstone\n", account)
    _write(data / "pg_ident.conf", _ident(may_connect(account), [SUPERUSER, *roles]), account)


def _lines(settings: Mapping[str, str]) -> str:
    return "".join(f"{name} = {_quoted(value)}\n" for name, value in settings.items())


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _ident(people: Iterable[str], roles: Sequence[str]) -> str:
    return "".join(f'ledgerstone "{person}" "{role}"\n' for person in people for role in roles)


def clear_remains(data: Path, sockets: Path, account: Account) -> None:
    """Let a server start although a killed one left its pid, which may be a zombie's or a stranger's by now.

    Only for the holder of the server's lock, who knows that no process of it lives. An impossible pid takes
    the place of the old one and the other lines stay: PostgreSQL still refuses while the shared memory that
    they name is in use.
    """
    pid_file = data / "postmaster.pid"
    if pid_file.exists():
        rest = pid_file.read_text().split("\n")[1:]
        if rest:
            _write(pid_file, "\n".join([str(IMPOSSIBLE_PID), *rest]), account)
        else:  # killed while writing it
            pid_file.unlink()
    for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
        (sockets / name).unlink(missing_ok=True)


def socket_directory(home: Path) -> Path:
    """`run` in the home; under /tmp if that is too long for a socket, or has a comma, which parts two hosts.

    Not $XDG_RUNTIME_DIR: it goes away with the login that started the server.
    """
    inside = home / "run"
    if len(os.fsencode(inside / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET_PATH and "," not in str(home):
        return inside
    return Path("/tmp") / f"ledgerstone-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"


def claim_socket_directory(sockets: Path, account: Account) -> None:
    """Make the directory, or be sure that it is ours alone: a stranger's could hold a stranger's server."""
    try:
        sockets.mkdir(mode=0o700)
        _give_directory(sockets, account)
    except FileExistsError:
        found = sockets.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
            raise EmbeddedError(
                f"{sockets} must be a directory of {account.name} with mode 0700: remove it if it is yours"
            ) from None


def _give_directory(directory: Path, account: Account) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    give(fd, account)
    os.close(fd)


def _write(path: Path, text: str, account: Account) -> None:
    fd, beside = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(fd, "w") as file:
        give(fd, account)
        file.write(text)
    os.replace(beside, path)


def _sync(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
