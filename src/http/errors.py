"""What does the caller hear when something is wrong? A problem document (RFC 9457), never a stack trace."""

import logging
from http import HTTPStatus
from typing import Any

import msgspec
import psycopg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ledgerstone.ledger.log import LogUnavailable

MEDIA_TYPE = "application/problem+json"
RETRY = {"Retry-After": "2"}
logger = logging.getLogger(__name__)


class Problem(Exception):
    """An answer that is an error: a status, a sentence for people, headers, and further members of the
    document, such as the `parameter` that was wrong."""

    def __init__(
        self, status: int, detail: str, headers: dict[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers, self.members = status, detail, headers or {}, members


def refused(parameter: str, detail: str) -> Problem:
    """400 for one parameter."""
    return Problem(400, detail, parameter=parameter)


def unavailable(detail: str) -> Problem:
    """503, to be tried again."""
    return Problem(503, detail, RETRY)


def document(problem: Problem) -> bytes:
    """The body. The type is `about:blank`: the title is the status's own."""
    title = HTTPStatus(problem.status).phrase
    members = {"type": "about:blank", "title": title, "status": problem.status, "detail": problem.detail}
    return msgspec.json.encode(members | problem.members)


def response(problem: Problem) -> Response:
    """The answer to a problem."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **problem.headers}
    return Response(document(problem), problem.status, headers, MEDIA_TYPE)


def _told(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return response(error)


def _http(request: Request, error: Exception) -> Response:
    """Starlette's own: no such route, no such method."""
    assert isinstance(error, HTTPException)
    said = {
        404: f"There is nothing at {request.url.path}; /openapi.json lists what there is.",
        405: f"{request.method} is not a method of {request.url.path}; `Allow` lists what is.",
    }
    detail = said.get(error.status_code, error.detail)
    return response(Problem(error.status_code, detail, dict(error.headers or {})))


def _database(_: Request, error: Exception) -> Response:
    logger.warning("the database does not answer: %s", error)
    return response(unavailable("The database does not answer. Try again in a moment."))


def _log(_: Request, error: Exception) -> Response:
    return response(unavailable(str(error)))


def _mistake(_: Request, error: Exception) -> Response:
    """Starlette raises the error again after this answer, so that the server logs it."""
    return response(Problem(500, "This is a mistake of ours, and it is in our log. Nothing was changed."))


HANDLERS: dict[Any, Any] = {
    Problem: _told,
    HTTPException: _http,
    psycopg.OperationalError: _database,
    psycopg.InterfaceError: _database,
    LogUnavailable: _log,
    Exception: _mistake,
}
