"""What is always true of the books? Each invariant compares what accounts hold with what was told, and says
in plain words what is wrong, where, and what to do.

`ledgerstone verify`, the nightly check and the tests hold them against the log, after any of its rows: facts
come in any order, so what a fact still waits for is not wrong. It `waits`, and is named all the same, since
what waits for long was never told. `invariants` has the rules for single rows of the log."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import Struct

from ledgerstone.ledger.accounts import CHART
from ledgerstone.ledger.closing import Cells, changed
from ledgerstone.ledger.open_items import NO_INVOICE, Item
from ledgerstone.ledger.periods import PeriodClosed


class Problem(Struct, frozen=True):
    """A sentence. `waits`: nothing in the books is wrong, but something was not told yet."""

    said: str
    waits: bool = False


Rule = Callable[[Item], Iterable[Problem]]
"""What is wrong with an item."""


def receivables_are_what_is_owed(it: Item) -> Iterator[Problem]:
    """An invoice's receivable is what it asked for, less the customer's credit that it used, what was paid by
    card, elsewhere and by bank transfer, and what credit notes took off before payment; what was paid too
    much is not in it, since it became the customer's credit, nor what a void cancelled. A write-off leaves it
    as it is, so that a later payment needs no special case."""
    paid = it["by_credit"] + it["paid"] + it["elsewhere"] + it["by_bank"] - it["overpaid"]
    owed = it["asked"] - paid - it["credited"] - it["cancelled"]
    yield from _holds(it, "receivable", owed, "is owed on it by what was told")


def receivables_are_what_invoices_say(it: Item) -> Iterator[Problem]:
    """An invoice's receivable is what the provider says remains of it (of an open or written-off one; nothing
    of a draft, or one that was paid or voided), less what bank transfers paid that the provider knows nothing
    of. Where it is not, one of two messages is missing: the invoice says that more, or less, was paid or
    credited than payments and credit notes have told. Before 2025-03-31 no message tells that what was
    overpaid became credit, and it stays here, below zero."""
    if it.shown is None:
        return
    held, says = it.held.get("receivable", 0), it.shown.open - it["by_bank"]
    if held == says:
        return
    paid = it.shown.amount_paid - it["paid"] - it["elsewhere"] + it["overpaid"]
    credited = it["asked"] - it["by_credit"] - it.shown.amount_due - it["credited"]
    where = f"receivable holds {held}, and the invoice says that {says} is open ({it.shown.status})"
    if it.shown is NO_INVOICE:
        yield Problem(f"receivable holds {held}, and the invoice itself was never shown: sync it", waits=True)
    elif it.shown.open and it.shown.open != it.shown.amount_due - it.shown.amount_paid:
        said = f"{it.shown.amount_due} due and {it.shown.amount_paid} paid"
        yield Problem(f"{where}; it says itself {said}, which is not that: read it again from the provider")
    else:
        told = f"of what it says was paid {paid} was not told, and of what was credited {credited}"
        yield Problem(f"{where}; {told}: sync its payments and credit notes, or the invoice", waits=True)


def write_offs_are_the_allowance(it: Item) -> Iterator[Problem]:
    """What was given up of an invoice stands against its receivable, which stays."""
    yield from _holds(it, "doubtful", -it["given_up"], "was written off")


def what_was_paid_elsewhere_is_looked_for(it: Item) -> Iterator[Problem]:
    """What was said to be paid outside the provider waits until a bank transfer is found for it, or a credit
    note gave it back there."""
    looked_for = it["elsewhere"] - it["found"] - it["given_elsewhere"]
    yield from _holds(it, "paid_elsewhere", looked_for, "is still to be found")


def unapplied_card_money_is_the_inbox(it: Item) -> Iterator[Problem]:
    """A payment's unapplied money is what was received by card less what was used for invoices."""
    left = it["received"] - it["used"]
    yield from _holds(it, "unapplied_card", -left, "was received and not used")
    yield from _floor(it, left, "received", "used for invoices")


def unapplied_bank_money_is_the_inbox(it: Item) -> Iterator[Problem]:
    """A bank transfer's unapplied money is what came (below zero: went) less what was assigned, ignored or
    sent back."""
    left = it["came"] - it["assigned"] - it["ignored"] - it["sent_back"]
    yield from _holds(it, "unapplied_bank", -left, "of it is not decided")
    if it["came"] and left * it["came"] < 0:
        yield Problem(f"{abs(left)} more was decided of it than the {it['came']} that came: take some back")


def refunds_payable_are_pending_refunds(it: Item) -> Iterator[Problem]:
    """A refund is payable from its promise until it settled, at the provider or by our bank, or failed."""
    left = it["promised"] - it["settled"] - it["failed"] + it["returned"] + it["by_bank"]
    yield from _holds(it, "refunds_payable", -left, "is promised and pending")
    yield from _floor(it, left, "promised", "settled or failed")


def disputed_money_is_of_open_disputes(it: Item) -> Iterator[Problem]:
    """Disputed is what was withdrawn, until it is put back or lost. An inquiry withdraws nothing."""
    left = it["withdrawn"] - it["reinstated"] - it["lost"]
    yield from _holds(it, "disputed", left, "is withdrawn and not decided")
    yield from _floor(it, left, "withdrawn", "put back or lost")


def payouts_in_transit_are_open_payouts(it: Item) -> Iterator[Problem]:
    """A payout is in transit from its sending until a bank transfer is found for it, or it came back."""
    left = it["sent"] - it["failed"] - it["arrived"]
    yield from _holds(it, "payouts_in_transit", left, "is on its way")
    if it["sent"] and left * it["sent"] < 0:
        said = f"{abs(left)} more arrived or came back than the {it['sent']} that were sent"
        yield Problem(f"{said}: look for the bank transfer that took it back", waits=True)


def top_ups_in_transit_are_open_top_ups(it: Item) -> Iterator[Problem]:
    """A top-up is in transit between the provider, who received it, and the bank transfer that paid it."""
    left = it["reversed"] - it["received"] - it["by_bank"]
    yield from _holds(it, "top_ups_in_transit", left, "is on its way")


def reserves_are_what_was_not_released(it: Item) -> Iterator[Problem]:
    """A reserve is what the provider put aside and has not released; a release of several names none."""
    left = it["put aside"] - it["released"]
    yield from _holds(it, "reserved", left, "is held back")
    yield from _floor(it, left, "put aside", "released")


def what_was_passed_on_was_not_taken_back(it: Item) -> Iterator[Problem]:
    """What connected accounts were sent, less what came back, waits for the close that divides it."""
    left = it["made"] - it["reversed"]
    yield from _holds(it, "passed_on", left, "was passed on")
    yield from _floor(it, left, "made", "taken back")


def customers_credit_is_what_was_given_and_not_used(it: Item) -> Iterator[Problem]:
    """A customer's credit comes from credit notes, overpayments, voided invoices and bank transfers, and is
    used by invoices. It may be below zero: then the next invoice asks for more."""
    yield from _holds(it, "customer_credit", it["used"] - it["given"], "is the customer's to use")


def customers_cash_is_what_the_provider_holds_for_them(it: Item) -> Iterator[Problem]:
    """Customers' own cash is owed to them, and held by the provider except for what went into our balance."""
    yield from _holds(it, "customer_cash", -it["cash"], "of cash is the customer's")
    yield from _holds(it, "customer_cash_held", it["cash"] - it["cash_moved"], "of cash is held for them")


def stripe_balance_is_the_providers(it: Item) -> Iterator[Problem]:
    """Stripe's balance is to the minor unit what its balance transactions come to, fees taken off."""
    yield from _holds(it, "stripe_balance", it["net"], "is what its balance transactions come to")


def uncleared_money_explains_the_rest(it: Item) -> Iterator[Problem]:
    """What was received by or sent from Stripe stays uncleared until its balance transactions are known: so
    balance and uncleared money together are all that was told. Where both are known they agree."""
    left = it["told"] - it["cleared"]
    yield from _holds(it, "stripe_uncleared", left, "has no balance transaction")
    if left and it["told"] and it["cleared"]:
        both = f"its balance transactions come to {it['cleared']}, and what was told of it to {it['told']}"
        yield Problem(f"{both}: sync balance transactions, or what they are of", waits=True)


INVARIANTS_OF_ITEMS: Mapping[str, tuple[Rule, ...]] = {
    "invoice": (
        receivables_are_what_is_owed,
        receivables_are_what_invoices_say,
        write_offs_are_the_allowance,
        what_was_paid_elsewhere_is_looked_for,
    ),
    "payment": (unapplied_card_money_is_the_inbox,),
    "transfer": (unapplied_bank_money_is_the_inbox,),
    "refund": (refunds_payable_are_pending_refunds,),
    "dispute": (disputed_money_is_of_open_disputes,),
    "payout": (payouts_in_transit_are_open_payouts,),
    "top-up": (top_ups_in_transit_are_open_top_ups,),
    "reserve": (reserves_are_what_was_not_released,),
    "transfer to a connected account": (what_was_passed_on_was_not_taken_back,),
    "customer": (
        customers_credit_is_what_was_given_and_not_used,
        customers_cash_is_what_the_provider_holds_for_them,
    ),
    "balance": (stripe_balance_is_the_providers,),
    "source": (uncleared_money_explains_the_rest,),
}
"""What is true of each kind of open item."""


def every_currency_balances(accounts: Mapping[tuple[str, str], int]) -> Iterator[Problem]:
    """What all accounts of a book hold in a currency comes to nothing, after every row of the log."""
    for currency in sorted({currency for _, currency in accounts}):
        left = sum(amount for (_, held), amount in accounts.items() if held == currency)
        if left:
            yield Problem(f"all accounts together hold {left} {currency}, and should hold nothing")


class Close(Struct, frozen=True):
    """A close in force: what accounts hold at the end of its month now, and what is not earned yet by the
    schedules as they were known to it, by currency."""

    closed: PeriodClosed
    held: Cells
    unearned: Mapping[str, int]


def closed_months_are_as_their_close_left_them(close: Close) -> Iterator[Problem]:
    """What accounts hold at the end of a closed month stays: what is told late stands in a later one."""
    for problem in changed(close.closed, close.held):
        yield Problem(f"{problem}: nothing may be booked in a closed month; reopen it, and close it again")


def deferred_revenue_is_what_schedules_have_left(close: Close) -> Iterator[Problem]:
    """After a close, deferred revenue is what invoices asked for and is neither earned nor given back yet.
    Invoices that were told while the month was closed are not in it, when it is opened and closed again: they
    stand in later books."""
    balances = [each for each in close.closed.balances if each.account == "deferred_revenue"]
    left = {each.currency: -each.amount for each in balances}
    for currency in sorted(left.keys() | close.unearned.keys()):
        held, expected = left.get(currency, 0), close.unearned.get(currency, 0)
        if held != expected:
            yield Problem(
                f"deferred_revenue holds {held} {currency}, and schedules have {expected} left to earn:"
                " reopen the month, and close it again"
            )


INVARIANTS_OF_ACCOUNTS = (every_currency_balances,)
INVARIANTS_OF_CLOSES = (
    closed_months_are_as_their_close_left_them,
    deferred_revenue_is_what_schedules_have_left,
)
ALL: tuple[Callable[..., Iterable[Problem]], ...] = (
    *(rule for rules in INVARIANTS_OF_ITEMS.values() for rule in rules),
    *INVARIANTS_OF_ACCOUNTS,
    *INVARIANTS_OF_CLOSES,
)
"""Every invariant of the books."""


def problems(it: Item) -> Iterator[Problem]:
    """What is wrong with an item, with its name and the last row about it."""
    for rule in INVARIANTS_OF_ITEMS[it.key[1]]:
        for problem in rule(it):
            where = f"{it}, in {it.key[3]}, up to row {it.position}"
            yield Problem(f"{where}: {problem.said}", problem.waits)


def square(it: Item) -> bool:
    """Whether nothing is open of an item: it holds nothing, and nothing is wrong with it. What our bank was
    paid for an invoice is still open to the provider, which knows nothing of that."""
    return it.holds_nothing and not it["by_bank"] and next(problems(it), None) is None


def _holds(it: Item, account: str, expected: int, meaning: str) -> Iterator[Problem]:
    held = it.held.get(account, 0)
    if held != expected:
        sign = 1 if CHART[account].normal == "debit" else -1
        yield Problem(
            f"{account} holds {sign * held}, and {sign * expected} {meaning}: its statement"
            f" (/sys/journal/accounts/{account}?subject={it.key[2]}) has a movement that no fact tells of"
        )


def _floor(it: Item, left: int, first: str, then: str) -> Iterator[Problem]:
    """Never below nothing. Where the first is not told, what came of it was heard before it; one row alone
    says nothing of that."""
    if left >= 0 or not it.key[2] or it.alone:
        return
    if it[first] or it.known:
        yield Problem(f"{-left} more was {then} than {first}: two messages claim the same money")
    else:
        yield Problem(f"{-left} was {then}, and it was not told yet that it was {first}: sync it", waits=True)
