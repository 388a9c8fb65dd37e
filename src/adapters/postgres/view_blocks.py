"""How are the deltas of a summary added up in blocks? By the database, in the transaction that completes
them: so up to the position of their tables blocks are always there, and nobody has to ask whether they are.

A block of the smallest size adds up deltas, every other one the blocks of the size before."""

from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from ledgerstone.adapters.postgres.view_tables import Column, Sums, Table, block_columns, statement

Given = dict[str, int]
"""The parameters of a statement: which `size` of block is made of which `finer` one (1: of deltas), and the
rows of the log from which (`first`, exclusive) to which (`last`, inclusive) they are of."""


class Check(NamedTuple):
    """What is kept of a summary, and what it must be equal to: two queries with the same parameters."""

    name: str
    kept: str
    summed: str
    given: Given


def completed(table: Table, suffix: str, start: int, end: int) -> Iterator[tuple[str, Given]]:
    """What adds up the blocks that are complete at position `end` and were not at `start`."""
    for sums in table.summaries:
        name = f"{table.name}_{sums.name}"
        for given in _steps(sums.blocks, start, end):
            yield _add_up(name, suffix, given["finer"] == 1, sums.cells, sums.amounts), given


def blocks(table: Table, suffix: str, position: int) -> Iterator[Check]:
    """Blocks up to a position, which are what finer ones or deltas add up to."""
    for sums in table.summaries:
        name = f"{table.name}_{sums.name}"
        for given in _steps(sums.blocks, 0, position):
            columns = _named([column for column, _ in block_columns(sums)])
            kept = f"select {columns} from {{}} where size = %(size)s and after < %(last)s"
            yield Check(
                f"blocks of {given['size']} rows of {name}{suffix}",
                statement(kept, f"{name}_block{suffix}"),
                _added(name, suffix, given["finer"] == 1, sums.cells, sums.amounts),
                given,
            )


def heads(table: Table, suffix: str) -> Iterator[Check]:
    """Heads, which are what the smallest blocks and the deltas behind them add up to."""
    for sums in table.summaries:
        if sums.history:
            name = f"{table.name}_{sums.name}"
            yield Check(f"the deltas of {name}{suffix}", *_head(name, suffix, sums))


def _steps(sizes: tuple[int, ...], start: int, end: int) -> Iterator[Given]:
    """Which blocks are complete at `end` and were not at `start`, the smallest first."""
    for finer, size in pairwise((1, *sizes)):
        first, last = start // size * size, end // size * size
        if first < last:
            yield {"finer": finer, "size": size, "first": first, "last": last}


def _head(name: str, suffix: str, sums: Sums) -> tuple[str, str, Given]:
    """The head without cells at zero, and the smallest blocks with the deltas behind them."""
    keys, amounts = _named([column for column, _ in sums.cells]), _named(sums.amounts)
    added = ", ".join(f'sum("{amount}")::bigint' for amount in sums.amounts)
    some = " or ".join(f'"{amount}" <> 0' for amount in sums.amounts)
    any_sum = " or ".join(f'sum("{amount}") <> 0' for amount in sums.amounts)
    blocks = statement(f"select {keys}, {amounts} from {{0}} where size = %(size)s", f"{name}_block{suffix}")
    last = statement("select max(after) + %(size)s from {0} where size = %(size)s", f"{name}_block{suffix}")
    deltas = statement(f"select {keys}, {amounts} from {{}}", f"{name}_delta{suffix}")
    kept = statement(f"select {keys}, {amounts} from {{}} where {some}", f"{name}_head{suffix}")
    return (
        kept,
        f"select {keys}, {added} from ({blocks} union all {deltas} where position > coalesce(({last}), 0)) d"
        f" group by {keys} having {any_sum}",
        {"size": sums.blocks[0]},
    )


@cache
def _add_up(
    name: str, suffix: str, of_deltas: bool, cells: tuple[Column, ...], amounts: tuple[str, ...]
) -> str:
    columns = _named(["size", "after", *(column for column, _ in cells), *amounts])
    insert = statement(f"insert into {{}} ({columns})", f"{name}_block{suffix}")
    return f"{insert} {_added(name, suffix, of_deltas, cells, amounts)}"


@cache
def _added(
    name: str, suffix: str, of_deltas: bool, cells: tuple[Column, ...], amounts: tuple[str, ...]
) -> str:
    """What blocks of a size must hold."""
    keys = _named([column for column, _ in cells])
    added = ", ".join(f'sum("{amount}")::bigint' for amount in amounts)
    part, after, within = "block", "after", "size = %(finer)s and after >= %(first)s and after < %(last)s"
    if of_deltas:
        part, after, within = "delta", "(position - 1)", "position > %(first)s and position <= %(last)s"
    return statement(
        f"select %(size)s::bigint, {after} / %(size)s::bigint * %(size)s::bigint, {keys}, {added} from {{}}"
        f" where {within} group by 2, {keys}",
        f"{name}_{part}{suffix}",
    )


def _named(columns: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f'"{column}"' for column in columns)
