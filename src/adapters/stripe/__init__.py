"""Stripe's words: signed messages in, facts of the ledger out."""
