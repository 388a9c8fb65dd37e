"""How are many values sent at once? psycopg's own dumpers look for dimensions and nulls element by element,
which cost a tenth of a rebuild; ours write lists of one dimension without nulls.

The format is that of PostgreSQL's array_recv: dimensions, null flag, element type, length, lower bound, then
each element after its length."""

from collections.abc import Callable, Sequence
from struct import Struct, error
from typing import Any, TypeVar

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

_EMPTY, _HEAD = Struct("!iii").pack, Struct("!iiiii").pack
_LENGTH: Callable[[int], bytes] = Struct("!i").pack
_BIGINT: Callable[[int, int], bytes] = Struct("!iq").pack


K = TypeVar("K")


class Remembered(dict[K, bytes]):
    """How values are sent, of which most were sent before; at most so many are remembered. It is asked by
    `[]`, without a frame of ours, and keeps no order of use: that would take longer than to find one."""

    def __init__(self, sent: Callable[[K], bytes], most: int) -> None:
        super().__init__()
        self._sent, self._most = sent, most

    def __missing__(self, value: K) -> bytes:
        if len(self) >= self._most:
            self.clear()
        sent = self[value] = self._sent(value)
        return sent


def texts(values: Sequence[str]) -> bytes:
    """Strings as `text[]`."""
    return _lengthy(25, [value.encode() for value in values])


def byteas(values: Sequence[bytes]) -> bytes:
    """Bytes as `bytea[]`."""
    return _lengthy(17, values)


def uuids(values: Sequence[bytes]) -> bytes:
    """UUIDs, each its 16 bytes, as `uuid[]`."""
    return _array(2950, len(values), _LENGTH(16).join([b"", *values]))


def bigints(values: Sequence[int]) -> bytes:
    """Integers as `bigint[]`. Raises DataError for one beyond 64 bits."""
    try:
        return _array(20, len(values), b"".join([_BIGINT(8, value) for value in values]))
    except error as beyond:
        raise psycopg.DataError(f"an integer is beyond 64 bits: {beyond}") from None


def _lengthy(element: int, values: Sequence[bytes]) -> bytes:
    parts = [part for value in values for part in (_LENGTH(len(value)), value)]
    return _array(element, len(values), b"".join(parts))


def _array(element: int, length: int, elements: bytes) -> bytes:
    return _HEAD(1, 0, element, length, 1) + elements if length else _EMPTY(0, 0, element)


class Texts(list[str]):
    """A column of strings, for psycopg as `text[]`."""


class Bigints(list[int]):
    """A column of integers, for psycopg as `bigint[]`."""


class Byteas(list[bytes]):
    """A column of bytes, for psycopg as `bytea[]`."""


class TextsDumper(Dumper):
    """Lists of strings."""

    format = Format.BINARY
    oid = 1009

    def dump(self, obj: list[str]) -> Buffer:
        return texts(obj)


class BigintsDumper(Dumper):
    """Lists of integers."""

    format = Format.BINARY
    oid = 1016

    def dump(self, obj: list[int]) -> Buffer:
        return bigints(obj)


class ByteasDumper(Dumper):
    """Lists of bytes."""

    format = Format.BINARY
    oid = 1001

    def dump(self, obj: list[bytes]) -> Buffer:
        return byteas(obj)


class RowTextsDumper(Dumper):
    """Tuples of strings in a column of a row, most of which were written before."""

    format = Format.BINARY
    oid = 1009
    dump: Any = staticmethod(Remembered(texts, 1 << 14).__getitem__)


def register(connection: psycopg.Connection[Any]) -> None:
    """Use these for lists of these classes, and for such columns when rows are copied in binary."""
    for kind, dumper in ((Texts, TextsDumper), (Bigints, BigintsDumper), (Byteas, ByteasDumper)):
        connection.adapters.register_dumper(kind, dumper)
    connection.adapters.register_dumper(None, RowTextsDumper)
    connection.adapters.register_dumper(None, BigintsDumper)
