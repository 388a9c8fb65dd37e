"""How is a whole database written to one file?"""

import os
import subprocess
from typing import IO

from psycopg import conninfo

from ledgerstone.adapters.postgres.binaries import find_binaries


class DumpError(RuntimeError):
    """pg_dump refused; the message is its own."""


def dump(dsn: str, out: IO[bytes]) -> None:
    """Write the database as of now in pg_dump's custom format, for `pg_restore`; `out` has a descriptor.

    Views are left out: they are the app's tables, not the owner's, and are made anew from the log.
    pg_dump must not be older than the server. A password goes by the environment: `ps` would show it.
    """
    told = conninfo.conninfo_to_dict(dsn)
    secret = {"PGPASSWORD": str(told["password"])} if "password" in told else {}
    command = [
        find_binaries().program("pg_dump"),
        "--format=custom",
        "--exclude-table=views.*",
        f"--dbname={conninfo.make_conninfo(dsn, password=None)}",
    ]
    ended = subprocess.run(
        command, stdout=out, stderr=subprocess.PIPE, env={**os.environ, **secret}, check=False
    )
    if ended.returncode:
        raise DumpError(ended.stderr.decode(errors="replace").strip())
