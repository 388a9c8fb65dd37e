"""The bank's files: read whole and exactly, or refused with the line that is wrong."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerstone.adapters.fx.ecb import LARGEST, read_xml
from ledgerstone.adapters.fx.seed import read_csv, read_seed
from ledgerstone.adapters.fx.tables import Unreadable
from ledgerstone.ledger.fx import FxRatePublished
from tests.ecb_files import envelope

WEDNESDAY = {"2026-11-04": {"USD": "1.1172", "JPY": "175.680", "ISK": "136"}}


def rates(*tables: FxRatePublished) -> dict[date, dict[str, str]]:
    return {table.day: table.rates for table in tables}


def test_a_daily_file_has_one_day_and_numbers_are_kept_as_they_are_written() -> None:
    (table,) = read_xml(envelope(WEDNESDAY), "eurofxref-daily.xml")
    assert table.day == date(2026, 11, 4)
    assert table.rates == {"isk": "136", "jpy": "175.68", "usd": "1.1172"}
    assert table.source.startswith("eurofxref-daily.xml ")
    assert len(table.source.split()[1]) == 64


def test_a_history_comes_newest_first_and_is_read_in_order() -> None:
    tables = read_xml(envelope({"2026-11-04": {"USD": "1.2"}, "2026-11-03": {"USD": "1.1"}}), "h.xml")
    assert [table.day.day for table in tables] == [3, 4]


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("1.1172", "0", "line 7: the rate of USD is '0', and not a number above 0"),
        ("1.1172", "-1.1", "not a number above 0"),
        ("1.1172", "1,1172", "not a number above 0"),
        ("1.1172", "1e3", "not a number above 0"),
        ("1.1172", "NaN", "not a number above 0"),
        ("1.1172", "", "not a number above 0"),
        ("1.1172", "١", "not a number above 0"),
        ("USD", "usd", "'usd' is no currency"),
        ("USD", "EUR", "'EUR' is no currency"),
        ("USD", "JPY", "line 7: JPY is there twice for 2026-11-04"),
        ("2026-11-04", "2026-02-30", "line 7: '2026-02-30' is no date"),
        ("2026-11-04", "20261104", "is no date"),
        ("rate='1.1172'", "rate='1.1172' unit='100'", "line 8: a Cube with currency, rate, unit"),
        ("rate='1.1172'", "", "line 8: a Cube with currency, where currency and rate belong"),
        (
            "currency='USD' rate='1.1172'/>",
            "currency='USD' rate='1.1172'><a/></Cube>",
            "something in the rate",
        ),
        ("<Cube currency='USD'", "<Rate currency='USD'", "is not known there"),
        ("gesmes:Envelope", "gesmes:Letter", "is not the envelope"),
        ("2002-08-01/eurofxref", "2030-01-01/eurofxref", "an envelope has one Cube"),
        ("<Cube>", "<Cube/><Cube>", "an envelope has one Cube"),
        ("</gesmes:Envelope>", "", "it is no XML"),
        ("<gesmes:Envelope", "<!DOCTYPE a [<!ENTITY b 'c'>]><gesmes:Envelope", "it has a DOCTYPE"),
    ],
)
def test_what_is_not_as_the_bank_writes_it_is_refused(was: str, becomes: str, said: str) -> None:
    text = envelope(WEDNESDAY).decode()
    assert was in text
    with pytest.raises(Unreadable, match=said):
        read_xml(text.replace(was, becomes).encode(), "eurofxref-daily.xml")


def test_a_doctype_is_found_in_any_encoding() -> None:
    text = envelope(WEDNESDAY).decode().replace("<gesmes:E", "<!DOCTYPE a><gesmes:E", 1)
    with pytest.raises(Unreadable, match="DOCTYPE"):
        read_xml(text.replace("UTF-8", "UTF-16").encode("utf-16"), "eurofxref-daily.xml")


def test_a_day_that_is_there_twice_is_refused() -> None:
    one = envelope(WEDNESDAY).decode()
    day = one[one.index("<Cube time") : one.index("</Cube>\n</Cube>") + len("</Cube>")]
    with pytest.raises(Unreadable, match="2026-11-04 is there twice"):
        read_xml(one.replace(day, day + day).encode(), "eurofxref-hist.xml")


def test_a_day_without_rates_and_a_file_without_days_are_refused() -> None:
    with pytest.raises(Unreadable, match="no rates for 2026-11-04"):
        read_xml(envelope({"2026-11-04": {}}), "d.xml")
    with pytest.raises(Unreadable, match="an envelope has one Cube, of days"):
        read_xml(envelope({}), "d.xml")


def test_what_is_larger_than_any_history_is_not_looked_at() -> None:
    with pytest.raises(Unreadable, match="at most"):
        read_xml(b" " * (LARGEST + 1), "d.xml")


@given(st.integers(0, 700), st.binary(max_size=4), st.integers(0, 9))
def test_no_damage_does_anything_but_refuse(place: int, put: bytes, gone: int) -> None:
    whole = envelope(WEDNESDAY)
    try:
        read_xml(whole[:place] + put + whole[place + gone :], "d.xml")
    except Unreadable:
        pass


def test_the_seed_is_the_banks_history_day_by_day() -> None:
    tables = read_seed()
    found = rates(*tables)
    assert tables[0].day == date(1999, 1, 4)
    assert found[date(2008, 1, 2)]["usd"] == "1.4688"
    assert "cyp" in found[date(2007, 12, 31)]
    assert "cyp" not in found[date(2008, 1, 2)]  # Cyprus had the euro by then
    assert all(table.rates["usd"] and table.rates["gbp"] for table in tables)
    assert [table.day for table in tables] == sorted(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1"),
        ("Day,USD\n", "line 1: the first column is not Date"),
        ("Date,USD,\n2026-11-04,1.1\n", "line 2: 2 columns, where the first line has 3"),
        ("Date,USD\n2026-11-04,n/a\n", "line 2: the rate of USD"),
        ("Date,USD\n2026-11-04,N/A\n", "line 2: no rates"),
        ("Date,USD\n2026-11-04,1\n2026-11-04,1\n", "there twice"),
    ],
)
def test_a_history_that_is_not_as_the_bank_writes_it_is_refused(text: str, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        read_csv(text.encode(), "eurofxref-hist.csv")
