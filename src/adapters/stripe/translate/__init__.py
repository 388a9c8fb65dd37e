"""From Stripe's messages to facts: one module per subject, and one table that says who reads what."""
