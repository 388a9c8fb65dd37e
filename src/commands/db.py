"""Where is the database, how is the embedded one stopped, and how is a copy made?"""

import os
import tempfile
from pathlib import Path

import click

from ledgerstone.adapters.postgres.database import APP_ROLE, DATABASE, embedded_server
from ledgerstone.adapters.postgres.dump import dump
from ledgerstone.bootstrap import Settings, migrated


def app_dsn(settings: Settings) -> str:
    """How to connect as the service does. It does not start the embedded server."""
    return settings.database_url or embedded_server(settings.ledgerstone_home).dsn(DATABASE, APP_ROLE)


def stop_embedded(settings: Settings) -> bool:
    """Stop the embedded server, whoever uses it; whether there was one to stop."""
    if settings.database_url:
        raise click.ClickException("DATABASE_URL names a server that is not ours to stop")
    return embedded_server(settings.ledgerstone_home).stop_for_all()


def dump_to(settings: Settings, file: Path) -> int:
    """Write the database to a file, which is whole or not there; its size in bytes."""
    with migrated(settings) as database:
        fd, beside = tempfile.mkstemp(dir=file.parent)
        try:
            with os.fdopen(fd, "wb") as out:
                dump(database.owner_dsn, out)
            os.replace(beside, file)
        except BaseException:
            os.unlink(beside)
            raise
    return file.stat().st_size
