"""Statements that travel together."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from ledgerstone.adapters.postgres.database import Database
from ledgerstone.adapters.postgres.line import Line, Statement

ONE = Statement(b"one", b"select 1::bigint")
BEGIN, COMMIT, ROLLBACK = (Statement(word, word) for word in (b"begin", b"commit", b"rollback"))
DIVIDE = Statement(b"divide", b"select 1 / length($1::text)")
ECHO = Statement(b"echo", b"select $1::bytea")
DIE = Statement(b"die", b"select pg_terminate_backend(pg_backend_pid())")


@pytest.fixture
def line(database: Database) -> Iterator[Line]:
    connection = psycopg.connect(database.app_dsn, autocommit=True)
    with closing(Line(connection, [ONE, BEGIN, COMMIT, ROLLBACK, DIVIDE, ECHO, DIE])) as line:
        yield line


def test_each_statement_has_its_answer(line: Line) -> None:
    for _ in range(2):
        _, one, echo, _ = line.ask((BEGIN, ()), (ONE, ()), (ECHO, [b"\x00said"]), (COMMIT, ()))
        assert one.get_value(0, 0) == (1).to_bytes(8)
        assert echo.get_value(0, 0) == b"\x00said"


def test_what_follows_a_failure_is_not_done_and_the_line_lives_on(line: Line) -> None:
    for _ in range(2):
        with pytest.raises(psycopg.errors.DivisionByZero):
            line.ask((BEGIN, ()), (DIVIDE, [b""]), (COMMIT, ()))
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            line.ask((ONE, ()))
        line.ask((ROLLBACK, ()))
        assert line.ask((ONE, ()))[0].ntuples == 1


def test_more_than_the_sockets_hold_goes_there_and_back(line: Line) -> None:
    said = [b"%d" % n * 3_000_000 for n in range(3)]
    answers = line.ask(*((ECHO, [each]) for each in said))
    assert [answer.get_value(0, 0) for answer in answers] == said


def test_a_line_that_died_says_so_at_once_and_ever_after(line: Line) -> None:
    for _ in range(2):
        with pytest.raises(psycopg.OperationalError):
            line.ask((DIE, ()), (ONE, ()))
