"""How is the service run beside us, on a database of its own? As a process that ends when we do."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec import Struct

PORT = 8000
START_SECONDS = 120
END_SECONDS = 60


class Child(Struct, frozen=True):
    """A service that runs and answers."""

    process: subprocess.Popen[bytes]
    port: int
    home: Path

    @property
    def log(self) -> Path:
        """What it said."""
        return self.home / "service.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> Any:
        """The JSON at a path; what is no answer is an error for people."""
        status, body = _get(self.port, path)
        if status != 200:
            raise click.ClickException(f"GET {path} was answered {status}: {body.decode(errors='replace')}")
        return msgspec.json.decode(body)


@contextmanager
def service(home: Path, secret: str, port: int | None) -> Iterator[Child]:
    """`ledgerstone serve` on an embedded PostgreSQL in `home`; its words go to `service.log` there."""
    home.mkdir(parents=True, exist_ok=True)
    chosen = free_port() if port is None else port
    command = [sys.executable, "-m", "ledgerstone", "serve", "--port", str(chosen)]
    with (home / "service.log").open("wb") as words:
        # A session of its own: Ctrl-C comes to us, and we end it in order.
        process = subprocess.Popen(
            command,
            env=_environment(home, secret),
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            start_new_session=True,
        )
    child = Child(process, chosen, home)
    try:
        _wait_until_it_answers(child)
        yield child
    finally:
        process.terminate()
        process.wait(END_SECONDS)


def free_port() -> int:
    """8000, or any other while that is taken."""
    for wanted in (PORT, 0):
        try:
            with socket.create_server(("127.0.0.1", wanted)) as found:
                return int(found.getsockname()[1])
        except OSError:
            continue
    raise click.ClickException("no free port on 127.0.0.1")


def _environment(home: Path, secret: str) -> Mapping[str, str]:
    """Ours without what points at real books."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("STRIPE_") and name not in ("DATABASE_URL", "MIGRATION_DATABASE_URL")
    }
    return {
        **ours,
        "LEDGERSTONE_ENV": "development",
        "LEDGERSTONE_HOME": str(home),
        "STRIPE_WEBHOOK_SECRETS": secret,
        "STRIPE_LIVEMODE": "true",
    }


def _wait_until_it_answers(child: Child) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and child.process.poll() is None:
        try:
            if _get(child.port, "/healthz")[0] == 200:
                return
        except (OSError, HTTPException):
            pass
        time.sleep(0.05)
    said = child.log.read_text(errors="replace")
    raise click.ClickException(f"the service did not start; it said:\n{said}")


def _get(port: int, path: str) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
