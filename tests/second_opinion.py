"""Where do the views and the plain telling of the same rules disagree?

The views are folded in memory from what the translator reads of the messages; the plain telling reads the
messages themselves. Both are asked for every instant at which either says that something changed."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from ledgerstone.adapters.stripe.translate.listed import read_listed
from ledgerstone.adapters.stripe.translate.message import read_message
from ledgerstone.projections.folder import Folder
from ledgerstone.projections.view import AnyView, chains
from ledgerstone.projections.views import VIEWS
from tests.plain import lives, money, mrr
from tests.plain.history import History, Json, Name, histories
from tests.worlds import Message, log_of

FOREVER = float(2**33)
WHO = ("tenant", "country", "deleted")
KINDS = ("new", "reactivation", "expansion", "contraction", "churn")
EACH_MONTH = [
    (f"{year}-{month:02d}", datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp())
    for year in range(2024, 2029)
    for month in range(1, 13)
]


class Shown:
    """What the views show at the head of a log that heard these messages in this order, written after each of
    these positions and at the end."""

    def __init__(self, told: Iterable[Message], written: Collection[int] = ()) -> None:
        self.rows: dict[str, list[Any]] = {}
        self.moved: Counter[tuple[str, str, str]] = Counter()
        self.sums: Counter[tuple[str, Any, int]] = Counter()
        log = log_of(told)
        for group in chains(VIEWS):
            folder = Folder(group)
            for position, row in log:
                folder.hear(position, row)
                if position in written:
                    self._write(folder, group)
                    folder.begin(position)
            self._write(folder, group)
            for view in group:
                self.rows[view.name] = [row for e in folder.entries(view).values() for row in e.rows]

    def _write(self, folder: Folder, group: Iterable[AnyView]) -> None:
        for summary, _, cell, amounts in (d for view in group for d in folder.changes(view).deltas):
            for place, amount in enumerate(amounts):
                self.sums[summary, cell, place] += amount
            if summary == "movement" and cell[1] == "month" and cell[4] == "":
                for kind, amount in zip(KINDS, amounts, strict=False):
                    self.moved[cell[2].isoformat()[:7], cell[3], kind] += amount

    def all(self) -> tuple[dict[str, Counter[str]], dict[Any, int]]:
        """To compare: every row of every view, and every sum, however they came to be known."""
        sums = {cell: amount for cell, amount in self.sums.items() if amount}
        return {view: Counter(map(repr, rows)) for view, rows in self.rows.items()}, sums


def read(message: Json) -> Message:
    """What the translator makes of an event, or of a page."""
    if "swept" in message:
        requested = datetime.fromtimestamp(message["requested"], UTC)
        body = msgspec.json.encode(message["swept"])
        return read_listed(body, requested=requested, account=None, livemode=True).rows
    body = msgspec.json.encode(message)
    return read_message(body, source="import", signature=None, livemode=True).rows


def story(told: Iterable[Json]) -> Iterator[str]:
    """The messages in the order of their times, a line each: for whoever must find out who is right."""
    lines = []
    for message in told:
        if "swept" in message:
            lines.append((message["requested"] - 300, f"swept {message['swept']}"))
        else:
            said = {**message["data"]["object"], "was": message["data"].get("previous_attributes")}
            lines.append((message["created"], f"{message['id']} {message['type']} {said}"))
    yield from (f"{at} {line}" for at, line in sorted(lines))


def differences(told: Sequence[Json], shown: Shown) -> list[str]:
    """Each a sentence: which object, at which time, here and there."""
    known = histories(told)
    return [
        *_customers(known, shown),
        *_subscriptions(known, shown),
        *_revenue(known, shown),
        *_movements(known, shown),
        *_invoices(told, known, shown),
        *_payments(told, known, shown),
    ]


def _differ(what: str, here: Any, there: Any) -> Iterator[str]:
    if here != there:
        yield f"{what}: the views say {here}, the plain telling {there}"


def _customers(known: dict[Name, History], shown: Shown) -> Iterator[str]:
    for name, history in known.items():
        life = lives.customer(history) if name[0] == "customer" else None
        rows = [row for row in shown.rows["customers"] if row.id == name[1]]
        for end in _instants(rows, life.times()) if life else ():
            here = [{n: getattr(row, n) for n in WHO} for row in rows if _holds(row, end)]
            mark = life.mark(end) if life else None
            yield from _differ(f"{name[1]} before {end}", here, [] if mark is None else [mark.state])


def _subscriptions(known: dict[Name, History], shown: Shown) -> Iterator[str]:
    ids = {row.id for row in shown.rows["subscriptions"]}
    yield from _differ("subscriptions", ids, {name[1] for name in known if name[0] == "subscription"})
    for id in ids:
        rows = [row for row in shown.rows["subscriptions"] if row.id == id]
        life = lives.subscription(known["subscription", id])
        for end in _instants(rows, life.times()):
            here = [_subscription_here(row) for row in rows if _holds(row, end)]
            mark = life.mark(end)
            there = [] if mark is None else [_subscription_there(mark)]
            yield from _differ(f"{id} before {end}", here, there)


def _subscription_here(row: Any) -> Json:
    items = msgspec.json.decode(row.items)
    return {
        "status": row.status,
        "customer": row.customer,
        "paused": row.collection_paused,
        "leaving": row.cancel_at_period_end,
        "reason": row.reason,
        "items": [(item["id"], item["price"], item["quantity"]) for item in items],
        "sure": row.sure,
    }


def _subscription_there(mark: lives.Mark) -> Json:
    it: Any = mark.state
    return {
        "status": it["status"],
        "customer": it["customer"],
        "paused": it["pause_collection"] is not None,
        "leaving": it["cancel_at_period_end"],
        "reason": it["cancellation_details"]["reason"],
        "items": [(i["id"], i["price"]["id"], i.get("quantity", 1)) for i in it["items"]["data"]],
        "sure": mark.sure and not it["items"]["has_more"],
    }


def _revenue(known: dict[Name, History], shown: Shown) -> Iterator[str]:
    rows = shown.rows["mrr"]
    for end in _instants(rows, [end for _, end in EACH_MONTH]):
        here = {(row.subscription, row.item): row.mrr for row in rows if _holds(row, end)}
        there = {(each.subscription, each.item): each.mrr for each in mrr.figures(known, end)}
        yield from _differ(f"revenue before {end}", here, there)


def _movements(known: dict[Name, History], shown: Shown) -> Iterator[str]:
    here = {cell: amount for cell, amount in shown.moved.items() if amount}
    there = {cell: amount for cell, (amount, _) in mrr.movements(known, EACH_MONTH).items()}
    yield from _differ("movements", here, there)


def _invoices(told: Sequence[Json], known: dict[Name, History], shown: Shown) -> Iterator[str]:
    fields = ("status", "settlement", "total", "amount_due", "amount_paid", "amount_remaining")
    here = {
        row.id: [getattr(row, field) for field in fields]
        for row in shown.rows["invoices"]
        if _holds(row, FOREVER)
    }
    there = {id: [it[field] for field in fields] for id, it in money.invoices(told, known).items()}
    yield from _differ("invoices", *_only_differing(here, there))
    for id in here.keys() & there.keys():
        rows = [row for row in shown.rows["invoices"] if row.id == id]
        life = lives.invoice(known["invoice", id])
        for end in _instants(rows, life.times()):
            mark = life.mark(end)
            said = [] if mark is None or mark.state is None else [(mark.state["status"], mark.sure)]
            yield from _differ(
                f"{id} before {end}", [(row.status, row.sure) for row in rows if _holds(row, end)], said
            )


def _payments(told: Sequence[Json], known: dict[Name, History], shown: Shown) -> Iterator[str]:
    fields = ("status", "amount", "refunded", "disputed", "invoice")
    here = {
        row.id: [getattr(row, field) for field in fields]
        for row in shown.rows["payments"]
        if _holds(row, FOREVER)
    }
    payments = money.payments(told, known)
    there = {id: [it[field] for field in fields] for id, it in payments.items() if it["status"]}
    yield from _differ("payments", *_only_differing(here, there))


def _only_differing(here: Json, there: Json) -> tuple[Json, Json]:
    ids = {id for id in {**here, **there} if here.get(id) != there.get(id)}
    return {id: here.get(id) for id in ids}, {id: there.get(id) for id in ids}


def _holds(row: Any, end: float) -> bool:
    """Whether it counts just before an instant."""
    return row.valid_from.timestamp() < end and (row.valid_to is None or row.valid_to.timestamp() >= end)


def _instants(rows: Iterable[Any], others: Iterable[float]) -> list[float]:
    """Every instant at which anything changes, and the moment after it."""
    marks = {mark.timestamp() for row in rows for mark in (row.valid_from, row.valid_to) if mark}
    return sorted({at + more for at in {*marks, *others} for more in (0, 1)} | {FOREVER})
