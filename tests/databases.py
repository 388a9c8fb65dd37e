"""Databases that several tests share."""

from uuid import uuid4

from ledgerstone.adapters.postgres.database import Database, create_database
from ledgerstone.adapters.postgres.embedded import EmbeddedServer


def another(server: EmbeddedServer, template: str, name: str) -> Database:
    """A database that nobody has yet: one process may make what a file's tests share again, when it has come
    back to the rest of them after others."""
    return create_database(server, f"{name}_{uuid4().hex}", template)
