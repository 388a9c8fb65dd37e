"""As which operating-system user do PostgreSQL's programs run, when we may be root and they may not?"""

import os
import pwd
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Never, TypedDict

from msgspec import Struct

from ledgerstone.adapters.postgres.binaries import EmbeddedError

ELSEWHERE = (
    "run as a normal user, choose another LEDGERSTONE_HOME (/var/lib/ledgerstone, say), or set DATABASE_URL"
)


class Account(Struct, frozen=True):
    """An operating-system user."""

    uid: int
    gid: int
    name: str


def account_for(data: Path) -> Account:
    """Who runs the server on `data`: we do; for root its owner, else `postgres`, else `nobody`."""
    if os.geteuid() != 0:
        return _by_uid(os.geteuid())
    if data.exists() and data.stat().st_uid != 0:
        return _by_uid(data.stat().st_uid)
    return (
        _by_name("postgres")
        or _by_name("nobody")
        or _refuse("run as root, and there is no user to run it as")
    )


def may_connect(account: Account) -> list[str]:
    """Names that peer authentication lets in: the server's own user, and root, who could become it anyhow."""
    return sorted({account.name, pwd.getpwuid(0).pw_name})


def give(fd: int, account: Account) -> None:
    """Hand an open file or directory to the server's user; only root has anything to hand over."""
    if os.geteuid() == 0:
        os.fchown(fd, account.uid, account.gid)


def run(command: Sequence[str], account: Account, cwd: Path, keep: Sequence[int] = ()) -> None:
    """Run one of PostgreSQL's programs as `account`; `keep` are descriptors that it and its children inherit.

    Its words go to a file: a daemon would inherit a pipe, and we should wait for its end for ever.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            cwd=cwd,
            env=_environment(),
            pass_fds=keep,
            **_dropped(account),
        )
        said.seek(0)
        if ended.returncode:
            raise EmbeddedError(f"{Path(command[0]).name} failed ({ended.returncode}): {said.read().strip()}")


def check_reachable(account: Account, *paths: Path) -> None:
    """Root reaches what the server's user can not, as of anything under /root: say so before initdb does."""
    for path in paths:
        if subprocess.run(["test", "-x", path], check=False, **_dropped(account)).returncode:
            raise EmbeddedError(
                f"as root the server runs as user {account.name}, who cannot reach {path}: {ELSEWHERE}"
            )


class _Dropped(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def _dropped(account: Account) -> _Dropped:
    """How subprocess gives up root; nothing for anybody else."""
    if os.geteuid() != 0:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def _environment() -> dict[str, str]:
    """Ours without the PG… variables: a PGPORT or PGDATA meant for another server must not reach this one."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**ours, "LC_ALL": "C"}


def _by_uid(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        _refuse(f"run as uid {uid}, which has no name on this system, and PostgreSQL asks for one")
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)


def _by_name(name: str) -> Account | None:
    try:
        return _by_uid(pwd.getpwnam(name).pw_uid)
    except KeyError:
        return None


def _refuse(why: str) -> Never:
    raise EmbeddedError(f"the embedded PostgreSQL was {why}: {ELSEWHERE}")
