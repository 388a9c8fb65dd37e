"""What may be asked, and how is it written? Every parameter of every route; what is not here is refused."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta, Struct

from ledgerstone.http.errors import Problem, refused
from ledgerstone.ledger.accounts import CHART
from ledgerstone.ledger.growth import end_of, midnight
from ledgerstone.ledger.periods import YEARS
from ledgerstone.projections.reads.closed_lines import What

Q = TypeVar("Q", bound=Struct)

DAY = r"\d{4}-\d{2}-\d{2}"
TIME = rf"{DAY}[Tt]\d{{2}}:\d{{2}}:\d{{2}}(\.\d{{1,6}})?([Zz]|[+-]\d{{2}}:\d{{2}})"
WRITTEN = "a month (2026-10), a date (2026-10-31) or a time (2026-11-01T00:00:00Z)"
LONGEST = 8_192


def _when(text: str, example: str) -> Any:
    pattern = rf"^(\d{{4}}-\d{{2}}|{DAY}|{TIME})$"
    return Meta(description=text, extra_json_schema={"pattern": pattern, "examples": [example]})


AsOf = Annotated[str, _when("What was true then; a month or date means its end. Default: now.", "2026-10-31")]
KnownAt = Annotated[
    str,
    Meta(
        description="What was known then: a position of the log, inclusive, or a time, that is the last row "
        "recorded at or before it. Later than the head: the head. Default: the head.",
        extra_json_schema={"pattern": rf"^(\d{{1,18}}|\d{{4}}-\d{{2}}|{DAY}|{TIME})$", "examples": ["1200"]},
    ),
]
From = Annotated[str, _when("The first instant, inclusive: of a month or date, or a time.", "2026-01")]
To = Annotated[str, _when("The end: inclusive as a month or date, exclusive as a time.", "2026-12")]
Id = Annotated[str, Meta(min_length=1, max_length=255)]
Named = Annotated[str, Meta(max_length=255)]
Account = Annotated[
    str,
    Meta(
        pattern="^acct_[0-9A-Za-z_]{1,250}$",
        description="A connected account: its books, and no others. Default: the platform's own books, in "
        "which there is nothing of any connected account.",
        examples=["acct_1Nv0FGQ9RKHgCVdK"],
    ),
]
Chart = Annotated[
    str,
    Meta(pattern=f"^({'|'.join(CHART)})$", description="An account of the chart.", examples=["receivable"]),
]
Subject = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=255,
        description="Whose money it is: the id of an invoice, payment, refund …",
        examples=["in_1Nv0FGQ9RKHgCVdK"],
    ),
]
EventType = Annotated[
    str,
    Meta(
        pattern=r"^[^*]{1,255}?(\.\*)?$",
        description="A type of message, or all of a family: `invoice.paid`, `invoice.*`.",
        examples=["invoice.*"],
    ),
]
Currency = Annotated[str, Meta(pattern="^[a-z]{3,12}$", description="A currency's code, lower case.")]
ConvertTo = Annotated[
    str,
    Meta(
        pattern="^[a-z]{3,12}$",
        description="The currency into which all are converted, at the European Central Bank's rates of the "
        "day before each figure's instant; `reporting`: LEDGERSTONE_REPORTING_CURRENCY. Default: into none.",
        examples=["eur"],
    ),
]
REPORTING = "reporting"
Policy = Annotated[Literal["standard_v1"], Meta(description="How recurring revenue is counted.")]
Interval = Literal["day", "month"]
Limit = Annotated[int, Meta(ge=1, le=1000, description="Rows in an answer.")]
After = Annotated[
    str, Meta(min_length=1, max_length=512, description="`next` of an answer: what comes after it.")
]


class Booked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Whose books are asked: one account's, and nothing of any other. `without` says of parameters that other
    reads have why this one has not."""

    without: ClassVar[Mapping[str, str]] = {}
    account: Account | None = None


class Dated(Booked, frozen=True, kw_only=True):
    """When what is asked for was true."""

    as_of: AsOf | None = None


class AsKnown(Dated, frozen=True, kw_only=True):
    """And when it was known."""

    known_at: KnownAt | None = None


class Paged(AsKnown, frozen=True, kw_only=True):
    """A long answer, in pages that are all of one snapshot."""

    limit: Limit | None = None
    after: After | None = None


class Months(Paged, frozen=True, kw_only=True):
    """A table by month."""

    from_: From | None = None
    to: To | None = None
    currency: Currency | None = None
    convert_to: ConvertTo | None = None
    policy: Policy = "standard_v1"


class Periods(Months, frozen=True, kw_only=True):
    """A table by day or month; whole periods are shown, cut only at `as_of`."""

    interval: Interval = "month"
    group_by: Literal["plan", "country", "tenant", "currency"] | None = None


class Window(Paged, frozen=True, kw_only=True):
    """Headlines: of the month up to `as_of`, unless `from` and `to` say otherwise."""

    from_: From | None = None
    to: To | None = None
    currency: Currency | None = None
    convert_to: ConvertTo | None = None
    group_by: Literal["plan", "country", "tenant", "currency"] | None = None
    policy: Policy = "standard_v1"


class Rates(Paged, frozen=True, kw_only=True):
    """Which rates of exchange, by when they were published: those of the last month, unless `from` and `to`
    say otherwise."""

    from_: From | None = None
    to: To | None = None
    currency: Currency | None = None


class Bridge(Paged, frozen=True, kw_only=True):
    """Between which two moments of knowledge a figure changed; `known_at` is another word for `known_to`."""

    known_from: KnownAt | None = None
    known_to: KnownAt | None = None
    currency: Currency | None = None
    policy: Policy = "standard_v1"


class Invoices(Paged, frozen=True, kw_only=True):
    """Which invoices; `due_from` and `due_to` as `from` and `to`."""

    status: Literal["draft", "open", "paid", "void", "uncollectible"] | None = None
    customer: Id | None = None
    tenant: Id | None = None
    due_from: From | None = None
    due_to: To | None = None
    plan: Id | None = None
    currency: Currency | None = None


PaymentStatus = Literal[
    "succeeded",
    "failed",
    "canceled",
    "processing",
    "requires_action",
    "requires_capture",
    "requires_confirmation",
    "requires_payment_method",
]
SubscriptionStatus = Literal[
    "incomplete", "incomplete_expired", "trialing", "active", "past_due", "canceled", "unpaid", "paused"
]


class Payments(Paged, frozen=True, kw_only=True):
    """Which payments, by when they were begun."""

    status: PaymentStatus | None = None
    method: Id | None = None
    customer: Id | None = None
    tenant: Id | None = None
    currency: Currency | None = None
    from_: From | None = None
    to: To | None = None


class Subscriptions(Paged, frozen=True, kw_only=True):
    """Which subscriptions."""

    status: SubscriptionStatus | None = None
    customer: Id | None = None
    tenant: Id | None = None
    plan: Id | None = None
    currency: Currency | None = None


class Entries(Paged, frozen=True, kw_only=True):
    """Which entries of the journal, by the day in whose books they stand."""

    from_: From | None = None
    to: To | None = None
    chart: Chart | None = None
    subject: Subject | None = None
    currency: Currency | None = None


class Statement(Paged, frozen=True, kw_only=True):
    """Which lines of an account of the chart."""

    from_: From | None = None
    to: To | None = None
    subject: Subject | None = None
    currency: Currency | None = None


class Balances(Paged, frozen=True, kw_only=True):
    """Balances at `as_of`; what was debited and credited since `from`."""

    from_: From | None = None
    chart: Chart | None = None
    currency: Currency | None = None
    convert_to: ConvertTo | None = None
    group_by: Literal["account", "subject", "tenant"] = "account"


class Schedules(Paged, frozen=True, kw_only=True):
    """Which lines of invoices."""

    invoice: Id | None = None
    customer: Id | None = None
    plan: Id | None = None
    currency: Currency | None = None


class Lines(Paged, frozen=True, kw_only=True):
    """Which lines of a close; an empty `plan` or `rate` asks for those that are of none."""

    what: What | None = None
    plan: Named | None = None
    currency: Currency | None = None
    rate: Named | None = None
    invoice: Id | None = None


class EventsAsked(Paged, frozen=True, kw_only=True):
    """Which messages, by when the provider made them."""

    type: EventType | None = None
    object: Id | None = None
    parked: bool | None = None
    from_: From | None = None
    to: To | None = None


class EventAsked(AsKnown, frozen=True, kw_only=True):
    """A message; its bytes only on request."""

    evidence: Annotated[bool, Meta(description="Show the exact bytes, and what signed them.")] = False


class Explain(Paged, frozen=True, kw_only=True):
    """Which versions of the rows of a key."""

    as_of: (
        Annotated[
            str,
            _when(
                "Only of rows that were true then; a month or date means its end. Default: all.", "2026-10"
            ),
        ]
        | None
    ) = None
    column: Annotated[Id, Meta(description="Only versions in which this column changed.")] | None = None


class Now(Booked, frozen=True, kw_only=True):
    """How an account's intake stands now."""

    without: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("as_of", "known_at"),
        "messages are counted as they come, and their counts of the past are not kept. What had come, and"
        " what waited unread, `/audit/events` tells of any time.",
    )


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """A route that takes no parameters: it tells how things stand now."""

    without: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("as_of", "known_at"), "it is about this service and not about the books: it tells of now only."
    )


def read_query(raw: bytes, kind: type[Q]) -> Q:
    """The parameters of a request. Raises a Problem (400) that names the one that is wrong, and what is
    allowed."""
    if len(raw) > LONGEST:
        raise Problem(400, f"The query is longer than {LONGEST} bytes.")
    given: dict[str, str] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
        if name in given:
            raise refused(name, f"`{name}` is given twice.")
        if not value.isprintable():
            raise refused(name, f"`{name}` holds characters that cannot be printed.")
        given[name] = value
    return _converted(given, kind)


def _converted(given: Mapping[str, str], kind: type[Q]) -> Q:
    hints = get_type_hints(kind)
    names = zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True)
    allowed = {name: hints[field] for name, field in names}
    for name in given:
        if name not in allowed:
            what, why = ", ".join(sorted(allowed)) or "none", kind.without.get(name)  # type: ignore[attr-defined]
            said = f"`{name}` is not a parameter of this route{f': {why}' if why else '.'}"
            raise refused(name, f"{said} Its parameters: {what}.")
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        said, _, path = str(error).partition(" - at `$.")
        name = path.rstrip("`")
        choices = ", ".join(_choices(allowed[name]))
        raise refused(name, f"`{name}`: {f'allowed are {choices}' if choices else said}.") from None


def _choices(hint: Any) -> list[str]:
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    return [choice for option in get_args(hint) for choice in _choices(option)]


def exclusive_end(parameter: str, text: str) -> datetime:
    """The instant that a month or date ends at, or the time itself (UTC)."""
    if len(text) == 7:
        return end_of(_day(parameter, f"{text}-01", text), "month")
    return end_of(_day(parameter, text, text), "day") if len(text) == 10 else _time(parameter, text)


def first_instant(parameter: str, text: str) -> datetime:
    """The instant that a month or date begins at, or the time itself (UTC)."""
    if len(text) == 7:
        return midnight(_day(parameter, f"{text}-01", text))
    return midnight(_day(parameter, text, text)) if len(text) == 10 else _time(parameter, text)


def known_position(text: str) -> int | None:
    """The position that `known_at` names; None when it names a time."""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def last_known(parameter: str, text: str) -> datetime:
    """The last instant that a time of knowledge includes: a time itself, or the last before a date's end."""
    end = exclusive_end(parameter, text)
    return end if len(text) > 10 else end - timedelta(microseconds=1)


def _day(parameter: str, text: str, given: str) -> date:
    try:
        day = date.fromisoformat(text) if re.fullmatch(DAY, text, re.ASCII) else None
    except ValueError:
        day = None
    if day is None or day.year not in YEARS:
        raise _unreadable(parameter, given)
    return day


def _time(parameter: str, text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text.upper()) if re.fullmatch(TIME, text, re.ASCII) else None
    except ValueError:
        time = None
    if time is None or time.year not in YEARS:
        raise _unreadable(parameter, text)
    return time.astimezone(UTC)


def _unreadable(parameter: str, text: str) -> Problem:
    hint = " In a query a + is written %2B." if " " in text else ""
    years = f"from {YEARS.start} to {YEARS.stop - 1}"
    return refused(parameter, f"`{parameter}` is {WRITTEN}, {years}; {text!r} is none.{hint}")
