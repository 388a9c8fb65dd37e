"""The stage: a clock, an agenda of what comes, one source of chance, and the events that are told."""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any

from ledgerstone.demo.catalogue import CURRENCIES, Coupon, Product, stock
from ledgerstone.demo.clock import DAY
from ledgerstone.demo.ids import Ids
from ledgerstone.demo.records import (
    CreditNote,
    Customer,
    Dispute,
    Invoice,
    Payment,
    Payout,
    Refund,
    Subscription,
    Transaction,
)
from ledgerstone.demo.stripe_shapes import Json, changes, event
from ledgerstone.demo.stripe_shapes import catalogue as shelf_shapes
from ledgerstone.demo.stripe_shapes import customers as customer_shapes
from ledgerstone.demo.stripe_shapes import invoices as invoice_shapes
from ledgerstone.demo.stripe_shapes import payments as payment_shapes
from ledgerstone.demo.stripe_shapes import subscriptions as subscription_shapes

SHAPES: dict[type, tuple[str, Callable[[Any, bool], Json]]] = {
    Customer: ("customer", customer_shapes.customer),
    Subscription: ("customer.subscription", subscription_shapes.subscription),
    Invoice: ("invoice", invoice_shapes.invoice),
    Payment: ("charge", payment_shapes.charge),
    Refund: ("refund", payment_shapes.refund),
    Dispute: ("charge.dispute", payment_shapes.dispute),
    Payout: ("payout", payment_shapes.payout),
    Product: ("product", shelf_shapes.product),
    Coupon: ("coupon", shelf_shapes.coupon),
    CreditNote: ("credit_note", invoice_shapes.credit_note),
}

Action = Callable[..., None]


class World:
    """Everything that is the case at `now`; actions are functions that change it and tell Stripe's events."""

    def __init__(self, seed: int, start: int, end: int, livemode: bool) -> None:
        self.seed, self.rng = seed, Random(seed)
        self.ids = Ids(seed)
        self.start, self.end, self.now, self.livemode = start, end, start, livemode
        self.catalogue = stock(self.ids, start)
        self.customers: list[Customer] = []
        self.subscriptions: list[Subscription] = []
        self.invoices: list[Invoice] = []
        self.payments: list[Payment] = []
        self.refunds: list[Refund] = []
        self.disputes: list[Dispute] = []
        self.credit_notes: list[CreditNote] = []
        self.payouts: list[Payout] = []
        self.transactions: list[Transaction] = []
        self.balance = dict.fromkeys(CURRENCIES, 0)
        self.stirred: dict[Subscription, None] = {}  # whose recurring revenue may have changed today
        self._request: str | None = None
        self._outbox: list[Json] = []
        self._agenda: list[tuple[int, int, Action, tuple[Any, ...]]] = []
        self._order = count()

    def at(self, when: int, action: Action, *args: Any) -> None:
        """Let it happen then, unless the history is over."""
        if when < self.end:
            heappush(self._agenda, (when, next(self._order), action, args))

    def later(self, low: int, high: int, action: Action, *args: Any) -> None:
        """Let it happen between so many and so many days from now; sometimes on the stroke of midnight."""
        when = self.now + self.rng.randrange(low * DAY, high * DAY) + 1
        self.at(-(-when // DAY) * DAY if self.rng.random() < 0.02 else when, action, *args)

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def run(self, day_is_over: Callable[[int], None]) -> Iterator[Json]:
        """The events in true order; `day_is_over(E)` is called before anything that happens at E or later."""
        midnight = self.start + DAY
        while self._agenda:
            when, _, action, args = heappop(self._agenda)
            while midnight <= when:
                day_is_over(midnight)
                midnight += DAY
            self.now, self._request = when, None
            action(self, *args)
            yield from self._outbox
            self._outbox.clear()
        while midnight <= self.end:
            day_is_over(midnight)
            midnight += DAY

    def asked(self) -> None:
        """What follows in this action was asked for through the API, not done by Stripe itself."""
        self._request = self.ids("req")

    def tell(self, type: str, object: Json, previous: Json | None = None) -> None:
        self._outbox.append(
            event(self.ids("evt"), type, self.now, self.livemode, self._request, object, previous)
        )

    def show(self, thing: Any) -> Json:
        """The thing as Stripe shows it now."""
        return SHAPES[type(thing)][1](thing, self.livemode)

    def tell_of(self, thing: Any, *verbs: str) -> None:
        """One event per verb about the thing as it is now, in this order."""
        name, shape = SHAPES[type(thing)]
        said = shape(thing, self.livemode)
        for verb in verbs:
            self.tell(f"{name}.{verb}", said)

    def amend(self, thing: Any, *verbs: str, **fields: Any) -> None:
        """Change the thing, tell `….updated` with what was before, then one event per further verb."""
        name, shape = SHAPES[type(thing)]
        before = shape(thing, self.livemode)
        for field, value in fields.items():
            setattr(thing, field, value)
        after = shape(thing, self.livemode)
        self.tell(f"{name}.updated", after, changes(before, after))
        for verb in verbs:
            self.tell(f"{name}.{verb}", after)
        self.stir(thing)

    def stir(self, thing: Any) -> None:
        """Remember whose recurring revenue to look at when the day is over."""
        if isinstance(thing, Subscription):
            self.stirred[thing] = None
        elif isinstance(thing, Customer):
            self.stirred.update(dict.fromkeys(thing.subscriptions))

    def move(
        self, amount: int, fee: int, currency: str, source: str, type: str, category: str
    ) -> Transaction:
        """Change our balance at Stripe."""
        moved = Transaction(self.ids("txn"), amount, fee, currency, self.now, source, type, category)
        self.transactions.append(moved)
        self.balance[currency] += moved.net
        return moved
