"""Between entries it is said what accounts hold: when each month begins, and at the end."""

from datetime import date

from ledgerstone.adapters.exports import beancount, hledger
from ledgerstone.adapters.exports.items import Entry, Head, Standing, reckonings, with_standings
from ledgerstone.ledger.posting import Movement

MOVED = (Movement("bank", "SE1", "unapplied_bank", "tr_1", 1_250, "sek"),)
HELD = {("bank", "sek"): 1_250, ("unapplied_bank", "sek"): -1_250}


def _entry(day: date, position: int = 7, happened: date | None = None) -> Entry:
    return Entry(position, 0, day, "bank/SE1/17", "transfer-received", 6, happened or day, MOVED)


def _head() -> Head:
    since, end = date(2026, 1, 1), date(2027, 1, 1)
    return Head(":live", 9, since, end, {}, HELD, "Acme", since)


def test_months_are_reckoned_when_they_begin_and_at_the_end() -> None:
    def found(since: date, end: date) -> list[str]:
        return [str(day) for day in reckonings(since, end)]

    assert found(date(2026, 11, 4), date(2027, 2, 1)) == ["2026-12-01", "2027-01-01", "2027-02-01"]
    assert found(date(2026, 12, 31), date(2027, 1, 20)) == ["2027-01-01", "2027-01-20"]
    assert found(date(2026, 1, 1), date(2026, 1, 1)) == []


def test_a_month_is_reckoned_before_its_first_entry() -> None:
    entries = [_entry(date(2026, 1, 31)), _entry(date(2026, 2, 1)), _entry(date(2026, 2, 28))]
    days = [date(2026, month, 1) for month in range(2, 7)]

    found = list(with_standings(entries, days, lambda day: {("bank", "sek"): day.month}))
    assert found == [
        entries[0],
        Standing(days[0], {("bank", "sek"): 2}),
        *entries[1:],
        Standing(days[1], {("bank", "sek"): 3}),
        Standing(days[-1], {("bank", "sek"): 6}),
    ]


def test_an_entry_that_was_booked_later_names_the_day_on_which_it_happened() -> None:
    late, timely = _entry(date(2026, 4, 1), happened=date(2026, 3, 12)), _entry(date(2026, 4, 1))

    for module in (beancount, hledger):
        assert "happened: 2026-03-12" in "".join(module.write(_head(), [late]))
        assert "happened: " not in "".join(module.write(_head(), [timely]))


def test_what_is_held_is_asserted_on_the_day_that_each_program_means() -> None:
    standing = Standing(date(2026, 2, 1), HELD)

    assert "2026-02-01 balance Assets:Bank  12.50 ~ 0 SEK" in "".join(beancount.write(_head(), [standing]))
    told = "".join(hledger.write(_head(), [standing]))
    assert "2026-01-31 * balances\n    Assets:Bank  0.00 SEK = 12.50 SEK\n" in told
