"""Price files that are wrong, each in one way: what is said of them, and where; and files wrong in many ways."""

from __future__ import annotations

from pathlib import Path

import pytest
from given_prices import WHOLE, a_file, read, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from rebalancer.core.errors import ConfigError
from rebalancer.research.prices.cells import LEAST, MOST
from rebalancer.research.prices.reading import read_prices

LONG = "time,symbol,price\n2024-01-01,BTC,1\n2024-01-01,ETH,2\n2024-01-02,BTC,3\n2024-01-02,ETH,4\n"

CELLS = [
    ("2350.25", "abc", "prices.csv:3: column 3 (ETH): 'abc' is no number, expected a price such as 1234.5"),
    ("2350.25", "0", "prices.csv:3: column 3 (ETH): '0' is no price, expected more than zero"),
    ("2350.25", "0.000", "prices.csv:3: column 3 (ETH): '0.000' is no price, expected more than zero"),
    ("2350.25", "-5", "prices.csv:3: column 3 (ETH): '-5' is no price, expected more than zero"),
    ("2350.25", "inf", "prices.csv:3: column 3 (ETH): 'inf' is no number, expected a price such as 1234.5"),
    ("2350.25", "2_350", "prices.csv:3: column 3 (ETH): '2_350' is no number, expected a price such as 1234.5"),
    ("2350.25", "٣", "prices.csv:3: column 3 (ETH): '٣' is no number, expected a price such as 1234.5"),
    ("2350.25", '"2,350.25"', "prices.csv:3: column 3 (ETH): '2,350.25' is no number, expected a price such as 1234.5"),
    ("2350.25", "1e13", "prices.csv:3: column 3 (ETH): '1e13' is out of reach, expected 1e-12 to 1e+12: look at its"),
    ("2350.25", "1e-13", "prices.csv:3: column 3 (ETH): '1e-13' is out of reach, expected 1e-12 to 1e+12: look at its"),
    (
        "2350.25",
        "",
        "prices.csv:3: column 3 (ETH): no price at 2024-01-02; add it, or carry the last price with --fill",
    ),
    ("2350.25", "NaN", "prices.csv:3: column 3 (ETH): no price at 2024-01-02; add it, or carry the last price with"),
    ("2350.25", "2350.25,7", "prices.csv:3: 4 cells, expected 3 as in line 1: there is one too many"),
    (",2350.25", "", "prices.csv:3: 2 cells, expected 3 as in line 1: a value is missing"),
    ("2024-01-02", "2024-01-01", "prices.csv:3: 2024-01-01 again, as in line 2; expected each time once"),
    ("2024-01-03", "2023-01-03", "prices.csv:4: time goes back to 2023-01-03 after 2024-01-02 in line 3; expected"),
    ("2024-01-02,43000,2350.25\n", "", "prices.csv:3: a gap: of every 86,400 s, 1 row missing between 2024-01-01 and"),
    ("2024-01-02", "2024-01-32", "prices.csv:3: column 1 (date): '2024-01-32' is no time, expected one such as"),
    ("2024-01-02", "02/01/2024", "prices.csv:3: column 1 (date): '02/01/2024' is no time, expected one such as"),
    ("2024-01-02", "", "prices.csv:3: column 1 (date): '' is no time, expected one such as"),
    ("2024-01-02", "2024-01-02T00:00:00+02:00", "prices.csv:3: column 1 (date): '2024-01-02T00:00:00+02:00' is a time"),
    ("2024-01-02", "2024-01-02 00:00", "prices.csv:3: column 1 (date): '2024-01-02 00:00' is a time without a zone,"),
    ("2024-01-02", "1704153600", "prices.csv:3: column 1 (date): '1704153600' is Unix seconds, those above are a date"),
    ("2024-01-02", "1704153600000", "prices.csv:3: column 1 (date): '1704153600000' looks like milliseconds, expected"),
    ("2024-01-02", "1970-01-02", "prices.csv:3: column 1 (date): '1970-01-02' is outside 1990 to 2100, expected a"),
    ("date,BTC,ETH", "date,BTC,BTC", "prices.csv:1: column 3: 'BTC' again, as column 2; expected once"),
    ("date,BTC,ETH", "date,BTC,", "prices.csv:1: column 3: '' is no symbol, expected one of 1 to 40 characters"),
    ("date,BTC,ETH", "date,Open,Close", "prices.csv:1: column 2: 'Open' is no token's symbol; call the column of its"),
    ("date,BTC,ETH", "date,BTC,USD", "prices.csv:1: column 3: 'USD' is the unit itself; leave it out"),
]


@pytest.mark.parametrize(("old", "new", "said"), CELLS, ids=[f"{old.strip()} -> {new}" for old, new, _ in CELLS])
def test_read__where_one_thing_is_wrong__names_line_and_column(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in WHOLE
    found = refused(tmp_path, WHOLE.replace(old, new))
    # Two names are wrong of one of them, and where a day stands twice another is missing.
    more = new in ("date,Open,Close", "2024-01-01")
    assert found[0].startswith(said) and len(found) == 1 + more, found


FILES = [
    ("", "is empty, expected a line of column names and at least two rows of prices"),
    ("\n \n", "is empty"),
    ("date,BTC,ETH\n", "prices.csv: 0 rows of prices in the time that is asked for, expected at least two"),
    ("date,BTC,ETH\n2024-01-01,1,2\n", "prices.csv: 1 row of prices in the time that is asked for, expected at least"),
    ("date\n2024-01-01\n2024-01-02\n", "prices.csv:1: no column of prices beside the times, expected one for each"),
    ("BTC,ETH\n1,2\n3,4\n", ":1: no column of times among 'BTC', 'ETH'; expected one that is called time, date,"),
    ('date,BTC\n2024-01-01,"1\n', ":2: not CSV: unexpected end of data; mend the line or the one above"),
    ("date,BTC\n2024-01-02,1\n2024-01-01,2\n", "prices.csv:2: the newest row comes first, expected the oldest: turn"),
    ("date,BTC\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n2024-01-03T12:00,4\n", "is a time without a zone"),
    (
        "time,BTC\n2024-01-01T00:00Z,1\n2024-01-02T00:00Z,2\n2024-01-03T00:00Z,3\n2024-01-03T07:00Z,4\n",
        "prices.csv:5: unequal steps: 25,200 s between 2024-01-03 and 2024-01-03T07:00:00Z, elsewhere 86,400 s",
    ),
    (LONG.replace("ETH,4", ",4"), "prices.csv:5: column 2 (symbol): '' is no symbol, expected"),
    (LONG.replace("ETH,4", "USD,4"), "prices.csv:5: column 2 (symbol): 'USD' is the unit itself; leave it out"),
    (LONG.replace("ETH,4", "ETH,x"), "prices.csv:5: column 3 (price) of ETH: 'x' is no number"),
    (LONG.replace("2024-01-02,ETH", "2024-01-01,ETH"), "prices.csv:5: ETH at 2024-01-01 again, as in line 3; expected"),
    (LONG + "2024-01-01,UNI,5\n", "column 3 (UNI): no price at 2024-01-02; its history ends: read until then (--to"),
    (LONG + "2024-01-02,UNI,5\n", "column 3 (UNI): no price at 2024-01-01; its history begins later: read from there"),
    (LONG + "2024-01-02,UNI,5\n2024-01-01,UNI,5\n", "prices.csv:7: UNI: time goes back to 2024-01-01 after line 6"),
]


@pytest.mark.parametrize(("text", "said"), FILES, ids=[said[:50] for _, said in FILES])
def test_read__of_a_file_that_is_wrong__says_what_is(tmp_path: Path, text: str, said: str) -> None:
    assert any(said in line for line in refused(tmp_path, text)), refused(tmp_path, text)


def test_read__of_a_file_wrong_in_many_ways__is_one_error_with_all_of_them_in_order(tmp_path: Path) -> None:
    found = refused(
        tmp_path,
        "date,BTC,ETH\n2024-01-01,x,-1\n2024-01-02,1,2\n2024-01-02,1,2\n2024-01-03,,0\n2024-01-06,1,NaN\n2024-01-07,1,2\n",
    )
    assert [line.partition(": ")[0] for line in found] == [f"prices.csv:{line}" for line in (2, 2, 4, 5, 5, 6, 6)]
    assert "'x'" in found[0] and "'-1'" in found[1] and "again" in found[2] and "no price" in found[3]
    assert (
        "'0' is no price" in found[4]
        and "2 rows missing between 2024-01-03 and 2024-01-06" in found[5]
        and "no pr" in found[6]
    )


def test_read__of_more_problems_than_anybody_reads__shows_twenty_and_counts_the_rest(tmp_path: Path) -> None:
    text = "date,BTC\n" + "".join(f"2024-01-{day:02},x\n" for day in range(1, 32))
    found = refused(tmp_path, text)
    assert len(found) == 21 and found[-1] == "and 11 more"


def test_read__of_a_row_without_a_time__does_not_call_its_absence_a_gap(tmp_path: Path) -> None:
    assert len(refused(tmp_path, WHOLE.replace("2024-01-02", "soon"))) == 1


def test_read__of_a_cell_with_a_line_separator_of_unicode__counts_lines_as_editors_do(tmp_path: Path) -> None:
    text = WHOLE.replace("42000.5", "4\u20282").replace("41000", "x")
    assert [line.partition(": ")[0] for line in refused(tmp_path, text)] == ["prices.csv:2", "prices.csv:4"]


def test_read__of_bytes_that_are_no_text__names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_bytes(b"date,BTC\n2024-01-01,1\n2024-01-02,\xff\n")
    with pytest.raises(ConfigError, match="prices.csv:3: expected UTF-8 text or Parquet, saw other bytes"):
        read_prices([path])


def test_read__of_no_file__says_how_to_have_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere.csv: no such file; `rebalancer prices synthetic` writes one"):
        read_prices([tmp_path / "nowhere.csv"])
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_prices([tmp_path])
    with pytest.raises(ConfigError, match="no file of prices, expected at least one"):
        read_prices([])


def test_read__of_cells_that_move_a_cursor__shows_none_of_that(tmp_path: Path) -> None:
    (line,) = refused(tmp_path, WHOLE.replace("43000", "\x1b[2J\u202e7"))
    assert line.isprintable() and "\x1b" not in line


def test_read__of_a_jump_by_a_hundred__says_so_and_goes_on(tmp_path: Path) -> None:
    found = read(tmp_path, WHOLE.replace("41000", "420").replace("41500", "415"))
    assert found.notices == (
        "prices.csv:4: BTC goes from 43000 to 420 at 2024-01-03: more likely a unit, or another token, than a market",
    )
    assert read(tmp_path, WHOLE).notices == ()


def test_read__of_many_jumps__tells_of_the_first(tmp_path: Path) -> None:
    text = "date,BTC\n" + "".join(f"2024-01-{day:02},{1 if day % 2 else 1000}\n" for day in range(1, 31))
    notices = read(tmp_path, text).notices
    assert len(notices) == 6 and notices[-1] == "and 24 more such jumps"


cells = st.sampled_from(
    ["1", "2.5", "", "0", "-1", "nan", "x", "2024-01-01", "2024-01-02", "date", "BTC", "1e400", '"']
)


@settings(max_examples=60)  # each makes a file
@given(st.lists(st.lists(cells, min_size=1, max_size=4), min_size=0, max_size=6))
def test_read__of_whatever_there_is_in_a_file__gives_whole_prices_or_one_error(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    path = a_file(tmp_path_factory.mktemp("any"), "\n".join(",".join(row) for row in rows))
    try:
        prices = read_prices([path])
    except ConfigError as error:
        assert all("expected" in line or "no price" in line or "a gap" in line for line in str(error).splitlines()), (
            error
        )
    else:
        assert len(prices.times) >= 2 and (prices.usd >= LEAST).all() and (prices.usd <= MOST).all()


def test_read__of_more_cells_than_fit__is_refused_before_they_are_parted(tmp_path: Path) -> None:
    path = a_file(tmp_path, "date,BTC,ETH\n" + ",,\n" * 3_500_000)
    with pytest.raises(ConfigError, match="10,500,003 cells, expected at most 10,000,000; take a longer step"):
        read_prices([path])
