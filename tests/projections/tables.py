"""What do the tables of a view hold? Read back in the form that the fold in memory gives."""

from typing import Any

import psycopg
from msgspec.structs import astuple

from ledgerstone.projections.shown import Version
from ledgerstone.projections.view import AnyView, table

Line = tuple[Any, ...]


def versions(dsn: str, view: AnyView, suffix: str = "") -> list[Line]:
    """Every version of every row, with the positions from and to which it was known."""
    shape = table(view)
    columns = ", ".join(f'"{name}"' for name, _ in shape.columns)
    query = f"select book, key, known_from, known_to, {columns} from views.{shape.name}{suffix}"
    with psycopg.connect(dsn) as connection:
        connection.execute("set timezone = 'UTC'")
        return sorted((plain(line) for line in connection.execute(query)), key=repr)


def sums(dsn: str, view: AnyView, suffix: str = "") -> dict[str, list[Line]]:
    """The heads of a view's summaries, without cells at zero."""
    shape = table(view)
    with psycopg.connect(dsn) as connection:
        return {
            s.name: sorted(
                line
                for line in connection.execute(f"select * from views.{shape.name}_{s.name}_head{suffix}")
                if any(line[len(s.cells) :])
            )
            for s in shape.summaries
        }


def in_memory(found: list[Version]) -> list[Line]:
    """The same lines from a fold in memory."""
    lines = ((*v.key, v.known_from, v.known_to, *astuple(v.row)) for v in found)
    return sorted(map(plain, lines), key=repr)


def plain(line: Line) -> Line:
    return tuple(tuple(cell) if isinstance(cell, list) else cell for cell in line)


def everything(dsn: str, view: AnyView, suffix: str = "") -> dict[str, list[Line]]:
    """All that a view's tables hold: versions, states, what was heard (by position), edges and sums."""
    name = table(view).name
    queries = {
        "state": f"select book, key, state from views.{name}_state{suffix}",
        "heard": f"select book, key, unnest(positions) from views.{name}_heard{suffix}",
        "edge": f"select * from views.{name}_edge{suffix}",
        **{
            f"{s.name} deltas": f"select * from views.{name}_{s.name}_delta{suffix}"
            for s in table(view).summaries
            if s.history
        },
    }
    with psycopg.connect(dsn) as connection:
        found = {part: sorted(map(tuple, connection.execute(query))) for part, query in queries.items()}
    return {"versions": versions(dsn, view, suffix), **found, **sums(dsn, view, suffix)}
