"""One round trip: statements that are sent together, and one wait for all their answers.

psycopg's own pipeline sends, and looks for answers, with each statement. That wakes the server five times for
one commit, hands Python's lock away as often, and costs more than all else that the writer does."""

from collections.abc import Sequence
from select import POLLIN, POLLOUT, poll
from time import monotonic
from typing import Any

import psycopg
from msgspec import Struct
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGresult

ANSWER = 2.0
"""Seconds to wait for the answers: a server that is stopped or unplugged says nothing at all."""


class Statement(Struct, frozen=True):
    """SQL under the name by which it is prepared; its parameters are `$1`, `$2` …"""

    name: bytes
    text: bytes


Asked = tuple[Statement, Sequence[bytes]]
"""A statement and its parameters, in PostgreSQL's binary formats. So are the columns of its answer."""


class Line:
    """A connection for round trips alone. `statements` are prepared with the first."""

    def __init__(self, connection: psycopg.Connection[Any], statements: Sequence[Statement]) -> None:
        self._connection, self._server = connection, connection.pgconn
        self._unprepared = tuple(statements)
        self._poll = poll()

    def ask(self, *asked: Asked) -> list[PGresult]:
        """The answer to each statement. What follows one that fails is not done.

        Raises its error, or OperationalError when the line is dead; no transaction is ended by either."""
        self._server.enter_pipeline_mode()
        self._send(asked)
        answers = self._answers()
        self._server.exit_pipeline_mode()
        prepared, self._unprepared = len(self._unprepared), ()
        for answer in answers:
            if answer.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
                raise error_from_result(answer)
        return answers[prepared:]

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _send(self, asked: Sequence[Asked]) -> None:
        for statement in self._unprepared:
            self._server.send_prepare(statement.name, statement.text)
        for statement, values in asked:
            formats = [Format.BINARY] * len(values)
            self._server.send_query_prepared(statement.name, values, formats, Format.BINARY)
        self._server.pipeline_sync()

    def _answers(self) -> list[PGresult]:
        """All answers up to the end of the round trip; between two of them there is none."""
        until, answers = monotonic() + ANSWER, list[PGresult]()
        while True:
            self._wait(until)
            answer = self._server.get_result()
            if answer and answer.status == ExecStatus.PIPELINE_SYNC:
                return answers
            if self._server.status != ConnStatus.OK:
                raise error_from_result(answer) if answer else psycopg.OperationalError("the line is dead")
            if answer:
                answers.append(answer)

    def _wait(self, until: float) -> None:
        """Until all is sent and an answer is there."""
        while (unsent := self._server.flush()) or self._server.is_busy():
            self._poll.register(self._server.socket, POLLIN | POLLOUT if unsent else POLLIN)
            ready = self._poll.poll(max(0.0, until - monotonic()) * 1_000)
            if not ready:
                self._server.finish()
                raise psycopg.OperationalError(f"no answer from the database within {ANSWER:.0f} s")
            if ready[0][1] & ~POLLOUT:
                self._server.consume_input()
