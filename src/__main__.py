"""`python -m ledgerstone` is `ledgerstone`."""

from ledgerstone.cli import main

if __name__ == "__main__":
    main(prog_name="ledgerstone")
