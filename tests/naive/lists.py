"""Lists of invoices, payments, subscriptions and messages, and single ones, as design 8 has them: everything
that there is, filtered, sorted."""

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from ledgerstone.adapters.stripe.about import about
from ledgerstone.ledger import evidence
from ledgerstone.ledger.customers import CustomerDetails
from ledgerstone.ledger.evidence import StripeEventHeard
from ledgerstone.ledger.facts import BY_TAG, Superseded, tag
from ledgerstone.ledger.recorded import Recorded
from tests.naive.told import Known, exclusive, first, grouped, holds

Json = dict[str, Any]


class Nothing(Exception):
    """There is no such object."""


def _invoice(known: Known, book: str, end: datetime, id: str, row: Any) -> Json:
    overdue = row.status == "open" and row.due_at is not None and row.due_at < end
    shown = _columns(row, without=("credited_tax", "payments", "valid_from", "valid_to"))
    return {**shown, "tenant": known.tenant(book, row.customer, end), "overdue": overdue}


def _payment(known: Known, book: str, end: datetime, id: str, row: Any) -> Json:
    shown = _columns(row, without=("valid_from", "valid_to"))
    return {**shown, "tenant": known.tenant(book, row.customer, end)}


def _subscription(known: Known, book: str, end: datetime, id: str, row: Any) -> Json:
    shown = _columns(row, without=("pending", "valid_from", "valid_to"))
    lines = [
        line for line in known.lines(book, end) if (line.customer, line.subscription) == (row.customer, id)
    ]
    more = {
        "tenant": known.tenant(book, row.customer, end),
        "mrr": _sum(lines),
        "items": json.loads(row.items),
    }
    return {**shown, **more}


def _columns(row: Any, without: tuple[str, ...]) -> Json:
    return {name: getattr(row, name) for name in row.__struct_fields__ if name not in without}


def _sum(lines: Iterable[Any]) -> int | None:
    amounts = [line.mrr for line in lines]
    return None if None in amounts else sum(amounts)


SHOWN: dict[str, tuple[str, Callable[..., Json], str]] = {
    "/sys/invoices": ("invoices", _invoice, "created_at"),
    "/sys/payments": ("payments", _payment, "at"),
    "/sys/subscriptions": ("subscriptions", _subscription, "started_at"),
}
KEEPS: dict[str, Callable[[Json, str], bool]] = {
    "status": lambda row, asked: row["status"] == asked,
    "customer": lambda row, asked: row["customer"] == asked,
    "tenant": lambda row, asked: row["tenant"] == asked,
    "currency": lambda row, asked: row["currency"] == asked,
    "method": lambda row, asked: row["method"] == asked,
    "plan": lambda row, asked: asked in row["plans"],
    "due_from": lambda row, asked: row["due_at"] is not None and row["due_at"] >= first(asked),
    "due_to": lambda row, asked: row["due_at"] is not None and row["due_at"] < exclusive(asked),
    "from": lambda row, asked: row["at"] >= first(asked),
    "to": lambda row, asked: row["at"] < exclusive(asked),
}


def listed(known: Known, path: str, book: str, end: datetime, asked: Json) -> list[Json]:
    """The whole list, newest first."""
    if path == "/audit/events":
        return _events(known, book, end, asked)
    view, shape, newest = SHOWN[path]
    rows = [shape(known, book, end, id, row) for id, row in known.then(view, book, end)]
    kept = [row for row in rows if all(KEEPS[name](row, value) for name, value in asked.items())]
    return sorted(kept, key=lambda row: (row[newest], row["id"]), reverse=True)


def single(known: Known, path: str, book: str, end: datetime, with_bytes: bool = False) -> Json:
    """One object. Raises Nothing."""
    where, _, id = path.rpartition("/")
    if where == "/audit/events":
        return _event(known, book, end, int(id), with_bytes)
    view, shape, _ = SHOWN[where]
    found = [row for row in known.of(view, book, id) if holds(row, end)]
    if not found:
        raise Nothing
    (row,) = found
    return {**shape(known, book, end, id, row), **DETAILS[view](known, book, end, id, row)}


def _invoice_detail(known: Known, book: str, end: datetime, id: str, row: Any) -> Json:
    used = [each for key, each in known.then("payments", book, end) if key in row.payments]
    names = [
        "id",
        "currency",
        "amount",
        "refunded",
        "disputed",
        "status",
        "method",
        "provider_reference",
        "at",
    ]
    notes = [each for each in known.of("credit_notes", book, id) if each.at < end]
    history = sorted(known.of("invoices", book, id), key=lambda each: each.valid_from)
    versions = (
        "status settlement total tax amount_due amount_paid amount_remaining refunded disputed credited"
    )
    return {
        "payments": [_picked(each, names) for each in sorted(used, key=lambda each: (each.at, each.id))],
        "credit_notes": [
            _picked(each, ["at", "kind", "id", "currency", "amount"])
            for each in sorted(notes, key=lambda each: (each.at, each.kind, each.id))
        ],
        "history": [_picked(each, [*versions.split(), "sure", "valid_from", "valid_to"]) for each in history],
    }


def _payment_detail(known: Known, book: str, end: datetime, id: str, row: Any) -> Json:
    back = ("refund_returned", "reinstated")
    moves = [each for each in known.of("money", book, id) if each.at < end and each.kind != "received"]
    moves.sort(key=lambda each: (each.at, each.id, each.kind in back))
    shown = [_picked(each, ["at", "kind", "id", "amount", "currency"]) for each in moves]
    invoice = [each for each in known.of("invoices", book, row.invoice) if holds(each, end)]
    return {
        "refunds": [each for each in shown if each["kind"] in ("refunded", "refund_returned")],
        "disputes": [each for each in shown if each["kind"] in ("disputed", "reinstated")],
        "settlement": invoice[0].settlement if invoice else None,
    }


def _subscription_detail(known: Known, book: str, end: datetime, id: str, row: Any) -> Json:
    over = row.ended_at is not None and row.ended_at < end
    agreed = [each for each in known.of("schedules", book, id) if holds(each, end) and each.starts_at >= end]
    return {
        "pending_update": _json(row.pending),
        "scheduled": [] if over else [_change(each) for each in sorted(agreed, key=_order)],
        "timeline": [
            _chapter(known, book, each)
            for each in sorted(known.of("subscriptions", book, id), key=lambda each: each.valid_from)
        ],
    }


def _order(each: Any) -> tuple[Any, ...]:
    return each.starts_at, each.kind, each.schedule


def _change(each: Any) -> Json:
    return {
        "kind": each.kind,
        "from": each.starts_at,
        "to": each.ends_at,
        "items": _json(each.items),
        "discounts": _json(each.discounts),
        **_picked(each, ["trial_end", "proration", "schedule"]),
    }


def _chapter(known: Known, book: str, row: Any) -> Json:
    own = [line for line in known.of("mrr", book, row.customer) if line.subscription == row.id]
    start = row.valid_from
    lines = [one for one in own if one.valid_from <= start and (one.valid_to is None or one.valid_to > start)]
    names = "status collection_paused plans trial_end cancel_at ended_at pause_behavior pause_reason sure"
    more = {"mrr": _sum(lines), "items": json.loads(row.items)}
    return {**_picked(row, [*names.split(), "valid_from", "valid_to"]), **more}


def _picked(row: Any, names: Iterable[str]) -> Json:
    return {name: getattr(row, name) for name in names}


def _json(text: str | None) -> Any:
    return None if text is None else json.loads(text)


DETAILS = {
    "invoices": _invoice_detail,
    "payments": _payment_detail,
    "subscriptions": _subscription_detail,
}


def _events(known: Known, book: str, end: datetime, asked: Json) -> list[Json]:
    messages = known.kept("messages", lambda: [(each[2], _message(known, *each)) for each in _heard(known)])
    rows = [message for row, message in messages if _is_heard(row, book, end)]
    kept = [row for row in rows if all(_is_wanted(row, name, value) for name, value in asked.items())]
    return sorted(kept, key=lambda row: (row["created"], row["position"]), reverse=True)


def _heard(known: Known) -> list[tuple[int, datetime, Recorded]]:
    return [each for each in known.log if isinstance(each[2].body, StripeEventHeard)]


def _is_heard(row: Recorded, book: str, end: datetime) -> bool:
    return isinstance(row.body, StripeEventHeard) and str(row.book) == book and row.body.created < end


def _is_wanted(row: Json, name: str, value: str) -> bool:
    match name:
        case "type":
            type = str(row["type"])
            return type.startswith(value[:-1]) if value.endswith(".*") else type == value
        case "parked":
            return bool((row["state"] == "parked") == (value == "true"))
        case "from":
            return bool(row["created"] >= first(value))
        case "to":
            return bool(row["created"] < exclusive(value))
    return bool(row[name] == value)


def _about(known: Known, evidence_row: Recorded) -> list[tuple[int, datetime, Recorded]]:
    """The rows that were read from a message, or that remark on it."""
    told = known.kept("about", lambda: grouped(known.log, lambda each: (str(each[2].book), _of(each[2]))))
    return [each for each in told[str(evidence_row.book), evidence_row.name] if each[2] is not evidence_row]


def _of(row: Recorded) -> str | None:
    """The message that a row has to do with."""
    if isinstance(row.body, evidence.EvidenceConflict | evidence.EvidenceConfirmed):
        return row.body.first
    return row.name if isinstance(row.body, StripeEventHeard) else row.cause


def _message(known: Known, position: int, recorded_at: datetime, row: Recorded) -> Json:
    heard: Any = row.body
    tags = [tag(type(each.body)) for _, _, each in _about(known, row)]
    told = [name for name in tags if name == "refetch-wanted" or BY_TAG[name].__module__ != evidence.__name__]
    if heard.parked is not None:
        state = "parked"
    elif {"evidence-conflict", "fact-conflict"} & set(tags):
        state = "conflicting"
    elif heard.unknown and not told:
        state = "unknown"
    else:
        state = "confirmed" if "evidence-confirmed" in tags else "read"
    return {
        "position": position,
        "id": heard.id,
        "type": heard.event_type,
        "object": about(heard.payload),
        "account": heard.account,
        "created": heard.created,
        "recorded_at": recorded_at,
        "source": heard.source,
        "api_version": heard.api_version,
        "state": state,
        "reason": heard.parked if state == "parked" else None,
        "facts": told,
    }


def _event(known: Known, book: str, end: datetime, position: int, with_bytes: bool) -> Json:
    """A message, with what was read from it, and perhaps its bytes and those of others of its name."""
    found = [each for each in known.log if each[0] == position and _is_heard(each[2], book, end)]
    if not found:
        raise Nothing
    heard: Any = found[0][2].body
    again = [
        each for each in _about(known, found[0][2]) if isinstance(each[2].body, evidence.EvidenceConflict)
    ]
    came = [found[0], *again]
    return {
        **_message(known, *found[0]),
        "size": len(heard.payload),
        "sha256": sha256(heard.payload).hexdigest(),
        "readings": [_reading(*each, with_bytes) for each in _about(known, found[0][2])],
        "evidence": [_bytes(at, row.body) for at, _, row in came] if with_bytes else None,
    }


def _reading(position: int, recorded_at: datetime, row: Recorded, with_bytes: bool) -> Json:
    return {
        "position": position,
        "recorded_at": recorded_at,
        "name": row.name,
        "fact": tag(type(row.body)),
        "happened_at": row.happened_at,
        "told": words(row.body, with_bytes),
        "movements": msgspec.to_builtins([msgspec.structs.asdict(move) for move in row.movements]),
    }


def words(body: Any, with_bytes: bool = False) -> Any:
    """What a row says: bytes and signatures, and who somebody is, only with the evidence."""
    said: Json = msgspec.to_builtins(body)
    match body:
        case evidence.FactConflict():
            return {"fact": said["fact"], "first": body.first, "told": msgspec.json.decode(body.told)}
        case evidence.EvidenceConflict():
            digest = sha256(body.payload).hexdigest()
            return {"fact": said["fact"], "first": body.first, "source": body.source, "sha256": digest}
        case evidence.EvidenceConfirmed():
            return {"fact": said["fact"], "first": body.first}
        case CustomerDetails() if not with_bytes:
            return {"fact": said["fact"], "id": body.id}
        case Superseded():
            return {**said, "was": words(body.was, with_bytes), "now": words(body.now, with_bytes)}
    return said


def _bytes(position: int, body: Any) -> Json:
    return {
        "position": position,
        "source": body.source,
        "signature": body.signature,
        "sha256": sha256(body.payload).hexdigest(),
        "encoding": "utf-8",
        "payload": body.payload.decode(),
    }
