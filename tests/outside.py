"""Programs that others wrote, which read our exports: what do they say that accounts hold?"""

import csv
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ledgerstone.adapters.exports.words import path
from ledgerstone.ledger.accounts import CHART
from ledgerstone.ledger.money import decimals

Held = dict[tuple[str, str], int]
"""Minor units by account of the chart and currency; what holds nothing is not in it."""

ACCOUNTS = {path(account): account for account in CHART}
BESIDE = Path(sys.executable).parent


class Outside:
    """One program: how it checks a file, and what it says that is held when a day begins."""

    def __init__(
        self, format: str, command: str, check: list[str], asks: Callable[[Path, date], Held]
    ) -> None:
        self.format, self.command, self._check, self.held = format, command, check, asks

    def needed(self) -> None:
        """Skip a test where the program is not installed, unless that is where all are to be."""
        if found(self.command) is None:
            if "LEDGERSTONE_CI" in os.environ:
                pytest.fail(f"{self.command} is not installed")
            pytest.skip(f"{self.command} is not installed: apt-get install {self.command}")

    def check(self, file: Path) -> subprocess.CompletedProcess[str]:
        """Whether it reads a file without a complaint: its exit, and what it says."""
        return run([part.replace("FILE", str(file)) for part in [self.command, *self._check]])


def found(command: str) -> str | None:
    """Where a program is: beside Python, or wherever the system looks."""
    return shutil.which(command, path=str(BESIDE)) or shutil.which(command)


def run(words: list[str]) -> subprocess.CompletedProcess[str]:
    program = found(words[0])
    assert program, f"{words[0]} is not installed"
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": os.environ.get("HOME", "/")}
    return subprocess.run([program, *words[1:]], capture_output=True, text=True, env=environment, timeout=300)


def _answer(words: list[str]) -> str:
    answered = run(words)
    assert answered.returncode == 0, answered.stderr + answered.stdout
    return answered.stdout


def by_beancount(file: Path, day: date) -> Held:
    query = f"SELECT account, currency, sum(number) WHERE date < {day} GROUP BY account, currency"
    rows = csv.reader(io.StringIO(_answer(["bean-query", "-f", "csv", str(file), query])))
    next(rows)
    return _held([(account.strip(), currency.strip(), number.strip()) for account, currency, number in rows])


def by_hledger(file: Path, day: date) -> Held:
    words = ["hledger", "-f", str(file), "bal", "--flat", "-E", "-N", "-e", str(day), "-O", "csv"]
    rows = csv.reader(io.StringIO(_answer([*words, "--layout=bare"])))
    next(rows)
    return _held([(account, currency, number) for account, currency, number in rows])


def by_ledger(file: Path, day: date) -> Held:
    words = ["ledger", "-f", str(file), "--strict", "--pedantic", "bal", "--flat", "--no-total", "-e"]
    said = _answer([*words, str(day), "--format", "%(account)\t%(strip(display_total))\n"])
    lines, account = [], ""
    for line in said.splitlines():
        if "\t" in line:
            account, line = line.split("\t")
        if line.strip() not in ("", "0"):
            number, currency = line.split()
            lines.append((account, currency, number))
    return _held(lines)


def _held(lines: list[tuple[str, str, str]]) -> Held:
    held: Held = {}
    for account, currency, number in lines:
        code = currency.strip('"').lower()
        minor = Decimal(number).scaleb(decimals(code))
        assert minor == int(minor), f"{number} {currency} is no number of minor units"
        if minor:
            held[ACCOUNTS[account], code] = int(minor)
    return held


BEANCOUNT = Outside("beancount", "bean-check", ["-C", "FILE"], by_beancount)
HLEDGER = Outside(
    "hledger",
    "hledger",
    ["-f", "FILE", "check", "-s", "ordereddates", "balancednoautoconversion", "commodities", "accounts"],
    by_hledger,
)
LEDGER = Outside("hledger", "ledger", ["-f", "FILE", "--strict", "--pedantic", "bal"], by_ledger)
PROGRAMS = {"beancount": BEANCOUNT, "hledger": HLEDGER, "ledger": LEDGER}
