"""How are short lists written as arrays? psycopg's own dumpers find dimensions and nulls element by element,
which cost a tenth of a rebuild; ours write lists of one dimension without nulls, and only when copying.

The format is that of PostgreSQL's array_recv: dimensions, null flag, element type, length, lower bound."""

from struct import pack

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

TEXT, TEXTS, BIGINT, BIGINTS = 25, 1009, 20, 1016


class TextsDumper(Dumper):
    """A list of strings as `text[]`."""

    format = Format.BINARY
    oid = TEXTS

    def dump(self, obj: list[str]) -> Buffer:
        if not obj:
            return pack("!iii", 0, 0, TEXT)
        texts = [text.encode() for text in obj]
        elements = b"".join([pack("!i", len(text)) + text for text in texts])
        return pack("!iiiii", 1, 0, TEXT, len(texts), 1) + elements


class BigintsDumper(Dumper):
    """A list of integers as `bigint[]`."""

    format = Format.BINARY
    oid = BIGINTS

    def dump(self, obj: list[int]) -> Buffer:
        if not obj:
            return pack("!iii", 0, 0, BIGINT)
        elements = b"".join([pack("!iq", 8, number) for number in obj])
        return pack("!iiiii", 1, 0, BIGINT, len(obj), 1) + elements


def register(connection: psycopg.Connection[object]) -> None:
    """Use these for columns of these types when copying in binary."""
    for dumper in (TextsDumper, BigintsDumper):
        connection.adapters.register_dumper(None, dumper)
