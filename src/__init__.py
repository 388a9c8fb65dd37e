"""An event-sourced ledger for subscription businesses."""
