"""Our records as Stripe's API of version 2026-10-28.endive shows them: pure functions, record -> JSON.

Older versions are made from these (`versions`). Parts that never change (a price inside every subscription)
are shared between answers: read, do not write.
"""

from ledgerstone.demo.stripe_shapes.envelope import API_VERSION, Json, changes, event

__all__ = ["API_VERSION", "Json", "changes", "event"]
