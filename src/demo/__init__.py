"""A subscription business that never was: its Stripe events, and its true figures from its own state.

Nothing here knows the service: that is what makes the figures an independent check of it.
"""
