"""Writes a history as JSON lines, and the truth about it as JSON.

python -m ledgerstone.demo --out events.jsonl --truth truth.json --seed 7 --customers 300 --months 24
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import msgspec

from ledgerstone.demo.clock import month_start
from ledgerstone.demo.disorder import disorder
from ledgerstone.demo.history import generate
from ledgerstone.demo.versions import VERSIONS


def month(text: str) -> str:
    """`2024-11`; ValueError for anything else, which argparse turns into a message."""
    month_start(text)
    return text


def options(arguments: list[str] | None) -> Namespace:
    parser = ArgumentParser(prog="generate_history", description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--out", default="-", metavar="FILE", help="events, one JSON object a line (default: -)"
    )
    parser.add_argument("--truth", metavar="FILE", help="where to write the true figures")
    parser.add_argument("--balance-transactions", metavar="FILE", help="JSON lines of what only lists carry")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--customers", type=int, default=300)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--start", type=month, default="2024-11", metavar="YYYY-MM")
    parser.add_argument(
        "--shape", choices=VERSIONS, default=VERSIONS[0], help="the version of Stripe's API (default: newest)"
    )
    parser.add_argument("--testmode", action="store_true", help="livemode false everywhere")
    parser.add_argument(
        "--shuffle", type=float, default=0.0, metavar="FRACTION", help="of events, to come late"
    )
    parser.add_argument(
        "--duplicates", type=float, default=0.0, metavar="FRACTION", help="of events, to come twice"
    )
    parser.add_argument("--window", type=int, default=50, metavar="N", help="how many places late at most")
    return parser.parse_args(arguments)


def write_lines(path: str, objects: Iterable[Any]) -> None:
    encode = msgspec.json.Encoder().encode
    with nullcontext(sys.stdout.buffer) if path == "-" else open(path, "wb") as out:
        for each in objects:
            out.write(encode(each) + b"\n")


def main(arguments: list[str] | None = None) -> None:
    chosen = options(arguments)
    livemode = not chosen.testmode
    history = generate(chosen.seed, chosen.customers, chosen.months, chosen.start, livemode, chosen.shape)
    events = history.events
    if chosen.shuffle or chosen.duplicates:
        events = disorder(events, chosen.seed, chosen.window, chosen.duplicates, chosen.shuffle)
    write_lines(chosen.out, events)
    if chosen.truth:
        Path(chosen.truth).write_bytes(
            msgspec.json.format(msgspec.json.encode(history.truth()), indent=1) + b"\n"
        )
    if chosen.balance_transactions:
        write_lines(chosen.balance_transactions, history.balance_transactions())


if __name__ == "__main__":
    main()
