"""Which types of Stripe's events are kept as evidence and tell no facts, and why?

What is listed here begins a type's name. A type that Stripe publishes is read or stands here: a test says so
of each, so that a new one is a decision and not an oversight."""

PERSONS = "who people are and where they bank: personal data, and no figure needs it"
MEANS = "what a customer could pay with: a payment says what it was paid with"
SUMS = "sums of what other messages move one by one"
USAGE = "what usage is measured by and warned of: the invoice says what it costs"
CREDIT = "a price's reduction: the invoice shows what is left, and a grant that was paid for has one too"
OTHER = "other business than subscriptions: what it does to our balance comes with the balance transactions"
OURS = "our own account's settings and reports"

KEPT: dict[str, str] = {
    # about objects that we read
    "invoice.upcoming": "shows an invoice that does not exist yet and has no id",
    "invoiceitem.": "what the next invoice will have on it: that invoice says so itself",
    "plan.": "a price in older words: `price.*` tells of each of them too",
    "promotion_code.": "a word for a coupon: the discount given with it names the coupon",
    "quote.": "an offer: accepted, it is a subscription or an invoice, which tells of itself",
    "tax_rate.": "an invoice says how much tax is on it",
    "checkout.session.": "a way to a payment or a subscription, which tells of itself",
    "payment_link.": "a way to a payment or a subscription, which tells of itself",
    "radar.early_fraud_warning.": "a warning: the dispute or the refund that may follow tells of itself",
    "review.": "somebody looks at a payment: what comes of it tells of itself",
    # sums and terms of what moves by itself
    "balance.available": SUMS,
    "cash_balance.funds_available": SUMS,
    "reserve.plan.": "terms: what is held and released by them tells of itself",
    # persons and bank accounts
    "account.external_account.": PERSONS,
    "customer.tax_id.": PERSONS,
    "file.": PERSONS,
    "financial_connections.": PERSONS,
    "identity.": PERSONS,
    "person.": PERSONS,
    # means of payment
    "customer.source.": MEANS,
    "mandate.": MEANS,
    "payment_method.": MEANS,
    "setup_intent.": MEANS,
    "source.": MEANS,
    "three_d_secure.": MEANS,
    # usage
    "billing.alert.": USAGE,
    "billing.credit_": CREDIT,
    "billing.meter.": USAGE,
    "entitlements.": "which features a customer may use: what is paid for them is in the subscription",
    # our own account
    "balance_settings.": OURS,
    "billing_portal.": OURS,
    "reporting.": OURS,
    "sigma.": OURS,
    "tax.settings.": OURS,
    "test_helpers.": OURS,
    # other products
    "apps.": OTHER,
    "climate.": OTHER,
    "issuing_": OTHER,
    "terminal.": OTHER,
    "treasury.": OTHER,
}
"""What types begin with, and why they are kept only. What has a reader is read, whatever stands here."""
