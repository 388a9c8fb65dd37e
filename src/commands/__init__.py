"""What the commands of `ledgerstone` do, one module for each."""
