"""The chart of accounts: each account's normal side, its meaning in one line, its BAS number.

The numbers are those of the Swedish BAS chart; they are a mapping for exports, not part of any rule."""

from typing import Literal

from msgspec import Struct


class Account(Struct, frozen=True):
    """One account of the chart."""

    normal: Literal["debit", "credit"]
    meaning: str
    bas: int


CHART: dict[str, Account] = {
    "receivable": Account("debit", "invoices issued and not paid yet", 1510),
    "doubtful": Account("credit", "allowance for invoices that were written off", 1515),
    "stripe_balance": Account("debit", "what Stripe says that it holds for us", 1580),
    "disputed": Account("debit", "withdrawn by the customer's bank, not decided", 1581),
    "reserved": Account("debit", "held back by Stripe as a reserve", 1582),
    "customer_cash_held": Account("debit", "customers' own cash that Stripe holds, not ours yet", 1583),
    "passed_on": Account("debit", "sent to connected accounts, for the close to divide", 1584),
    "stripe_uncleared": Account("debit", "received by Stripe, not in its balance transactions yet", 1585),
    "payouts_in_transit": Account("debit", "sent by Stripe, not on our bank account yet", 1590),
    "top_ups_in_transit": Account("debit", "taken from our bank account for Stripe, not there yet", 1591),
    "fx_trading": Account("debit", "money between two currencies, for the period close to value", 1690),
    "fx_translation": Account("debit", "income and costs: worth on their days less worth now", 1691),
    "bank": Account("debit", "our own bank accounts", 1930),
    "own_accounts": Account("debit", "our own accounts of which the bank tells nothing here", 1940),
    "customer_credit": Account("credit", "credit that customers may use on later invoices", 2420),
    "customer_cash": Account("credit", "customers' own cash, until it pays for something", 2421),
    "refunds_payable": Account("credit", "refunds promised and not settled", 2440),
    "owed_back": Account("credit", "money that came and is not ours", 2890),
    "tax": Account("credit", "sales tax and VAT that we owe, of a rate that is not told", 2600),
    "vat_25": Account("credit", "VAT that we owe of sales in Sweden at 25 %", 2611),
    "vat_12": Account("credit", "VAT that we owe of sales in Sweden at 12 %", 2621),
    "vat_6": Account("credit", "VAT that we owe of sales in Sweden at 6 %", 2631),
    "vat_other": Account("credit", "VAT that we owe of sales in Sweden at any other rate", 2639),
    "vat_eu": Account("credit", "VAT that we owe to other countries of the EU", 2670),
    "tax_abroad": Account("credit", "sales tax and VAT that we owe outside the EU", 2680),
    "deferred_revenue": Account("credit", "invoiced and not earned yet", 2970),
    "paid_elsewhere": Account("debit", "said to be paid outside Stripe, not found here yet", 2997),
    "unapplied_card": Account("credit", "card money not assigned to an invoice", 2998),
    "unapplied_bank": Account("credit", "bank transfers of which it is not decided what they are for", 2999),
    "revenue": Account("credit", "earned", 3001),
    "refunds": Account("debit", "given back of what was earned, and credit notes", 3730),
    "disputes_lost": Account("debit", "lost of what was earned, as the customer's bank decided", 3735),
    "to_allocate": Account("debit", "reductions that the period close divides", 3739),
    "rounding": Account("debit", "too little to ask for, or too much to give back", 3740),
    "platform_fees": Account("credit", "our share of what connected accounts are paid", 3900),
    "fx_gain": Account("credit", "gained by other rates, for good", 3960),
    "fx_unrealised_gain": Account("credit", "gained by other rates, of what is still open", 3969),
    "other_income": Account("credit", "income that was not invoiced", 3990),
    "passed_on_costs": Account("debit", "shares of what we sold that connected accounts got", 4600),
    "processor_fees": Account("debit", "fees of the payment processor", 6040),
    "dispute_fees": Account("debit", "fees for disputes", 6045),
    "platform_fees_paid": Account("debit", "fees of the platform through which we sell", 6050),
    "bad_debt": Account("debit", "invoices that will not be paid", 6351),
    "bank_fees": Account("debit", "fees of banks", 6570),
    "fx_loss": Account("debit", "lost by other rates, for good", 7960),
    "fx_unrealised_loss": Account("debit", "lost by other rates, of what is still open", 7969),
    "interest": Account("credit", "interest of bank accounts", 8310),
}
