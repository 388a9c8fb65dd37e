"""What can be asked, described for machines: OpenAPI 3.1, from the same declarations that the routes obey."""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from inspect import getdoc
from typing import Any

import msgspec
from msgspec import Struct, defstruct

from ledgerstone.http import deciding
from ledgerstone.http.errors import MEDIA_TYPE as PROBLEM_TYPE
from ledgerstone.http.parameters import Booked
from ledgerstone.http.questions import Answered, AnyRead, Walked
from ledgerstone.http.rebuilding import Begun
from ledgerstone.http.respond import Meta

Json = dict[str, Any]
TEMPLATE = "#/components/schemas/{name}"


class Problem(Struct, omit_defaults=True):
    """What was wrong (RFC 9457); `parameter` names the one that was."""

    type: str
    title: str
    status: int
    detail: str
    parameter: str | None = None
    reasons: tuple[str, ...] = ()


class Kept(Struct, frozen=True):
    """A message is in the log: its `position`, whether it had been before, and whether it waits unread."""

    position: int
    duplicate: bool
    parked: bool


class Ignored(Struct, frozen=True):
    """A message of the other mode was not stored."""

    ignored: str


class Alive(Struct, frozen=True):
    """The process answers."""

    status: str


class Ready(Alive, frozen=True):
    """The views, and the position of each."""

    views: dict[str, int]


HEADERS = {
    "Ledger-Position": {"description": "How many rows of the log it is of.", "schema": {"type": "integer"}},
    "ETag": {"description": "Weak; over data and policy.", "schema": {"type": "string"}},
}
ASKING = [
    {
        "name": "Ledger-Min-Position",
        "in": "header",
        "description": "Wait until the views have this row of the log; 503 when they do not in time.",
        "schema": {"type": "integer", "minimum": 0},
    },
    {
        "name": "If-None-Match",
        "in": "header",
        "description": "The tag of an answer that is held: 304 when it is the same.",
        "schema": {"type": "string"},
    },
]


def document(reads: Sequence[AnyRead], version: str) -> bytes:
    """The document as JSON."""
    answers = {read.path: _answer(read.row, read.listed) for read in reads}
    queries = [read.query for read in reads]
    fixed: list[type[Struct]] = [Problem, Kept, Ignored, Alive, Ready, Begun, *DECISIONS]
    types = list(dict.fromkeys([*answers.values(), *queries, *fixed]))
    schemas, components = msgspec.json.schema_components(types, ref_template=TEMPLATE)
    refs = dict(zip(types, schemas, strict=True))
    paths = dict(path for read in reads for path in _paths(read, refs[answers[read.path]], components))
    for query in set(queries):
        del components[query.__name__]
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "Ledgerstone", "version": version, "description": ABOUT},
            "paths": {**paths, **_machines(refs)},
            "components": {"schemas": components},
        }
    )


DECISIONS = (
    deciding.Close,
    deciding.Reopen,
    deciding.Closed,
    deciding.Reopened,
    deciding.Undecided,
)
ABOUT = (
    "Every figure as of any time, as known at any position of the log. Amounts are integers of minor units, "
    "times RFC 3339 in UTC, currencies lower case."
)


@cache
def _answer(row: Any, listed: bool) -> type[Struct]:
    """The envelope of an answer."""
    if listed:
        fields = [("data", list[row]), ("next", str | None), ("meta", Meta)]
        return defstruct(f"{row.__name__}Table", fields, frozen=True)
    return defstruct(f"{row.__name__}Answer", [("data", row), ("meta", Meta)], frozen=True)


CSV: Json = {"text/csv": {"schema": {"type": "string"}}}


def _paths(read: AnyRead, ref: Json, components: Json) -> Iterable[tuple[str, Json]]:
    content = {"application/json": {"schema": ref}, **(CSV if read.csv else {})}
    yield read.path, {"get": _operation(read, content, components, "")}
    if read.csv:
        yield f"{read.path}.csv", {"get": _operation(read, CSV, components, "_csv")}


def _operation(read: AnyRead, content: Json, components: Json, suffix: str) -> Json:
    said = getdoc(_worker(read))
    ids = re.findall(r"{(\w+)}", read.path)
    text = {"type": "string", "minLength": 1}
    path = [{"name": id, "in": "path", "required": True, "schema": text} for id in ids]
    return {
        "operationId": re.sub(r"\W+", "_", read.path).strip("_") + suffix,
        "summary": (said or "").split(". ")[0].split("\n")[0].rstrip("."),
        "description": said,
        "parameters": [*path, *_parameters(read, components), *ASKING],
        "responses": {
            "200": {"description": "The answer.", "headers": HEADERS, "content": content},
            "304": {"description": "The caller holds the answer."},
            **_problems(400, *([404] if ids or issubclass(read.query, Booked) else []), 503),
        },
    }


def _worker(read: AnyRead) -> object:
    """What works out an answer, and says what it is."""
    match read:
        case Answered():
            return read.find
        case Walked():
            return read.begin
    return read.list.rows


def _parameters(read: AnyRead, components: Json) -> Iterable[Json]:
    """A parameter that is not given is None to us, but nobody can write that in a query."""
    for name, schema in components[read.query.__name__]["properties"].items():
        options = [option for option in schema.get("anyOf", [schema]) if option != {"type": "null"}]
        kept = {key: value for key, value in options[0].items() if key != "description"}
        if schema.get("default") is not None:
            kept["default"] = schema["default"]
        yield {"name": name, "in": "query", "schema": kept, "description": options[0].get("description", "")}


def _problems(*statuses: int) -> Json:
    said = {
        400: "A parameter or the message is wrong; the problem says which and why.",
        404: "There is no such object, or nothing was ever heard of the account.",
        409: "It cannot be done now; the problem says why.",
        408: "The message did not come in time.",
        413: "Too large.",
        415: "The body is not JSON.",
        422: "The body does not say what it must; the problem says what is wrong.",
        503: "The database or the views cannot answer now; try again.",
    }
    ref = {"schema": {"$ref": TEMPLATE.format(name="Problem")}}
    return {str(status): {"description": said[status], "content": {PROBLEM_TYPE: ref}} for status in statuses}


def _machines(refs: dict[type[Struct], Json]) -> Json:
    signature = {"name": "Stripe-Signature", "in": "header", "required": True, "schema": {"type": "string"}}
    kept = {"schema": {"anyOf": [refs[Kept], refs[Ignored]]}}
    return {
        "/api/webhooks/stripe": {
            "post": {
                "operationId": "stripe_webhook",
                "summary": "A signed message of Stripe's, kept before it is answered",
                "parameters": [signature],
                "requestBody": {"required": True, "content": {"application/json": {"schema": {}}}},
                "responses": {
                    "200": {"description": "Kept.", "content": {"application/json": kept}},
                    **_problems(400, 408, 413, 503),
                },
            }
        },
        "/sys/projections/{name}/rebuild": {
            "post": {
                "operationId": "rebuild",
                "summary": "Make the chain that holds a view anew, compare it, and swap it for what is read",
                "parameters": [
                    {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}},
                    {
                        "name": "replace",
                        "in": "query",
                        "description": "Swap it though rows of the same version differ: what is read is"
                        " damaged. What differed is in the report.",
                        "schema": {"type": "boolean", "default": False},
                    },
                ],
                "responses": {
                    "202": {
                        "description": "Begun; `Location` tells how far it is.",
                        "content": {"application/json": {"schema": refs[Begun]}},
                    },
                    **_problems(400, 404, 409, 503),
                },
            }
        },
        **_decision("close", "Close a month, and all before it", refs, deciding.Close, deciding.Closed),
        **_decision("reopen", "Open a month and all later ones", refs, deciding.Reopen, deciding.Reopened),
        "/healthz": {"get": _plain("healthz", "The process answers", refs[Alive])},
        "/readyz": {"get": _plain("readyz", "The views can be relied upon", refs[Ready], 503)},
    }


def _decision(
    name: str, summary: str, refs: dict[type[Struct], Json], said: type[Struct], done: type[Struct]
) -> Json:
    """A month is closed or opened again: by whom, and why, is said in the body."""
    account = {"name": "account", "in": "query", "schema": {"type": "string"}}
    month = {"name": "period", "in": "path", "required": True, "schema": {"type": "string"}}
    later = {"application/json": {"schema": refs[deciding.Undecided]}}
    operation = {
        "operationId": f"{name}_period",
        "summary": summary,
        "parameters": [month, account],
        "requestBody": {"required": True, "content": {"application/json": {"schema": refs[said]}}},
        "responses": {
            "200": {"description": "Done.", "content": {"application/json": {"schema": refs[done]}}},
            "202": {"description": "It goes on; ask the same again to hear of it.", "content": later},
            **_problems(400, 404, 408, 409, 413, 415, 422, 503),
        },
    }
    return {f"/sys/periods/{{period}}/{name}": {"post": operation}}


def _plain(name: str, summary: str, ref: Json, *problems: int) -> Json:
    content = {"application/json": {"schema": ref}}
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": {"description": "Yes.", "content": content}, **_problems(*problems)},
    }
