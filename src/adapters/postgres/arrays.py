"""How are many values sent at once? psycopg's own dumpers look for dimensions and nulls element by element,
which cost a tenth of a rebuild; ours write lists of one dimension without nulls.

The format is that of PostgreSQL's array_recv: dimensions, null flag, element type, length, lower bound, then
each element after its length."""

import struct
from collections.abc import Iterable
from functools import lru_cache
from struct import pack
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format


class Texts(list[str]):
    """A column of strings, as `text[]`."""


class Bigints(list[int]):
    """A column of integers, as `bigint[]`."""


class Uuids(list[bytes]):
    """A column of streams, each its 16 bytes, as `uuid[]`."""


class Byteas(list[bytes]):
    """A column of states, as `bytea[]`."""


def _array(element: int, length: int, elements: Iterable[bytes]) -> bytes:
    if not length:
        return pack("!iii", 0, 0, element)
    return pack("!iiiii", 1, 0, element, length, 1) + b"".join(elements)


class TextsDumper(Dumper):
    """Strings as `text[]`."""

    format = Format.BINARY
    oid = 1009

    def dump(self, obj: list[str]) -> Buffer:
        texts = [text.encode() for text in obj]
        return _array(25, len(texts), [pack("!i", len(text)) + text for text in texts])


@lru_cache(1 << 14)
def texts(some: tuple[str, ...]) -> Buffer:
    """Strings in a column of a row, most of which were written before."""
    return TextsDumper(tuple).dump(list(some))


class RowTextsDumper(Dumper):
    """Tuples of strings as `text[]`, when rows are copied."""

    format = Format.BINARY
    oid = 1009
    dump = staticmethod(texts)  # no frame of ours for each row


class BigintsDumper(Dumper):
    """Integers as `bigint[]`."""

    format = Format.BINARY
    oid = 1016

    def dump(self, obj: list[int]) -> Buffer:
        try:
            return _array(20, len(obj), [pack("!iq", 8, number) for number in obj])
        except struct.error as error:
            raise psycopg.DataError(f"an integer is beyond 64 bits: {error}") from None


class UuidsDumper(Dumper):
    """The bytes of UUIDs as `uuid[]`."""

    format = Format.BINARY
    oid = 2951

    def dump(self, obj: list[bytes]) -> Buffer:
        return _array(2950, len(obj), [b"\x00\x00\x00\x10" + each for each in obj])


class ByteasDumper(Dumper):
    """Bytes as `bytea[]`."""

    format = Format.BINARY
    oid = 1001

    def dump(self, obj: list[bytes]) -> Buffer:
        return _array(17, len(obj), [pack("!i", len(each)) + each for each in obj])


def register(connection: psycopg.Connection[Any]) -> None:
    """Use these for columns of these types when copying in binary, and for lists of these classes."""
    connection.adapters.register_dumper(None, RowTextsDumper)
    connection.adapters.register_dumper(None, BigintsDumper)
    connection.adapters.register_dumper(Texts, TextsDumper)
    connection.adapters.register_dumper(Bigints, BigintsDumper)
    connection.adapters.register_dumper(Uuids, UuidsDumper)
    connection.adapters.register_dumper(Byteas, ByteasDumper)
