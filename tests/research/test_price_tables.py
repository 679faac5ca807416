"""Prices as a study takes them: files in all layouts, several as one, exact integers, some columns, some times."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from given_prices import DAY, FIRST, WHOLE, a_file, read

from rebalancer.core.errors import ConfigError
from rebalancer.research.prices.grid import Wanted
from rebalancer.research.prices.reading import read_history, read_prices

# ---------------------------------------------------------------- layouts

SAME = {
    "wide": WHOLE,
    "semicolons": WHOLE.replace(",", ";"),
    "tabs": WHOLE.replace(",", "\t"),
    "carriage returns": WHOLE.replace("\n", "\r\n"),
    "a byte order mark": "\ufeff" + WHOLE,
    "blank lines": WHOLE.replace("\n", "\n\n"),
    "quotes": WHOLE.replace("42000.5", '"42000.5"').replace("date", '"Date"'),
    "spaces": WHOLE.replace(",", " , "),
    "an index without a name": WHOLE.replace("date", ""),
    "the time in the last column": "\n".join(
        ",".join(line.split(",")[1:] + line.split(",")[:1]) for line in WHOLE.split()
    ),
    "Unix seconds": WHOLE.replace("date", "timestamp")
    .replace("2024-01-01", str(FIRST))
    .replace("2024-01-02", str(FIRST + DAY))
    .replace("2024-01-03", str(FIRST + 2 * DAY))
    .replace("2024-01-04", str(FIRST + 3 * DAY)),
    "times in UTC": WHOLE.replace("-01-0", "-01-0").replace(",4", "T00:00:00Z,4"),
    "times without a zone": WHOLE.replace(",4", " 00:00:00,4"),
    "times of another zone": "\n".join(
        ("time,BTC,ETH", *(f"2023-12-31T22:00-02:00,{line[11:]}" for line in WHOLE.split()[1:2]))
    )
    + "\n"
    + "\n".join(f"2024-01-0{at}T22:00-02:00,{line[11:]}" for at, line in enumerate(WHOLE.split()[2:], 1)),
    "long": "time,symbol,price\n"
    + "\n".join(
        f"{day},{symbol},{price}"
        for symbol, place in (("BTC", 1), ("ETH", 2))
        for day, price in ((line.split(",")[0], line.split(",")[place]) for line in WHOLE.split()[1:])
    ),
    "long, by time": "time,token,usd\n"
    + "\n".join(
        f"{row[0]},{s},{row[p]}"
        for row in (x.split(",") for x in WHOLE.split()[1:])
        for p, s in ((1, "BTC"), (2, "ETH"))
    ),
}


@pytest.mark.parametrize("layout", SAME)
def test_read__of_the_same_prices_in_any_layout__is_the_same(tmp_path: Path, layout: str) -> None:
    found = read(tmp_path, SAME[layout]).prices
    assert found.symbols == ("BTC", "ETH")
    assert found.times.tolist() == [FIRST + DAY * number for number in range(4)] and found.times.dtype == np.int64
    assert found.usd.tolist() == [[42000.5, 2300.0], [43000.0, 2350.25], [41000.0, 2200.0], [41500.0, 2210.0]]


def test_read__of_times_without_a_zone__says_that_they_are_taken_as_utc(tmp_path: Path) -> None:
    assert read(tmp_path, SAME["times without a zone"]).said == (
        "prices.csv: its times name no zone and are taken as UTC",
    )
    assert read(tmp_path, SAME["times in UTC"]).said == read(tmp_path, WHOLE).said == ()


def test_read__of_times_of_several_zones__takes_each_as_it_says_and_tells(tmp_path: Path) -> None:
    text = "time,BTC\n2024-03-30T00:00+01:00,1\n2024-03-31T00:00+01:00,2\n2024-04-01T01:00+02:00,3\n"
    found = read(tmp_path, text)
    assert np.diff(found.prices.times).tolist() == [DAY, DAY]
    assert found.said == ("prices.csv: its times are of the zones +01:00, +02:00; each is taken as it says",)


def test_read__of_months__lets_their_lengths_pass_and_says_so(tmp_path: Path) -> None:
    text = "date,BTC\n" + "".join(f"2024-{month:02}-01,{month}\n" for month in range(1, 13))
    found = read(tmp_path, text)
    assert len(found.prices.times) == 12 and found.step == 31 * DAY
    assert found.notices == ("times are 2,505,600 s to 2,678,400 s apart, mostly 2,678,400 s",)


def test_read_prices__where_something_is_to_be_known__warns_of_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = a_file(tmp_path, WHOLE.replace("2350.25", ""))
    with caplog.at_level(logging.WARNING, "rebalancer.prices"):
        read_prices([path], fill=1)
    assert "prices carried over from the time before: 1 (ETH 1), at most 1 in a row" in caplog.text


def test_read_prices__of_csv__imports_neither_pandas_nor_pyarrow(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from rebalancer.research.prices.reading import read_prices\n"
        f"read_prices([Path({str(a_file(tmp_path, WHOLE))!r})])\n"
        "print([name for name in ('pandas', 'pyarrow', 'scipy', 'rich', 'requests') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert found.stdout.strip() == "[]"


# ---------------------------------------------------------------- several files


def test_read__of_files_with_different_tokens__puts_them_side_by_side(tmp_path: Path) -> None:
    paths = [a_file(tmp_path, WHOLE), a_file(tmp_path, WHOLE.replace("BTC", "UNI").replace("ETH", "LINK"), "more.csv")]
    found = read_prices(paths)
    assert found.symbols == ("BTC", "ETH", "UNI", "LINK") and found.usd.shape == (4, 4)


def test_read__of_files_with_different_times__puts_them_one_after_the_other(tmp_path: Path) -> None:
    head, *rows = WHOLE.splitlines(keepends=True)
    paths = [a_file(tmp_path, head + "".join(rows[2:]), "b.csv"), a_file(tmp_path, head + "".join(rows[:2]), "a.csv")]
    assert read_prices(paths).usd[:, 0].tolist() == [42000.5, 43000.0, 41000.0, 41500.0]


def test_read__of_a_price_in_two_files__names_both_places(tmp_path: Path) -> None:
    paths = [a_file(tmp_path, WHOLE), a_file(tmp_path, WHOLE.replace("BTC", "UNI"), "more.csv")]
    with pytest.raises(ConfigError) as caught:
        read_prices(paths)
    assert str(caught.value) == (
        "more.csv:2: ETH at 2024-01-01 again, as in prices.csv:2 (4 times in both); expected each price once"
    )


def test_read__of_a_token_whose_history_is_shorter__names_where_it_begins_and_works_from_there(tmp_path: Path) -> None:
    late = "date,UNI\n2024-01-03,5\n2024-01-04,6\n"
    paths = [a_file(tmp_path, WHOLE), a_file(tmp_path, late, "late.csv")]
    with pytest.raises(ConfigError) as caught:
        read_prices(paths)
    assert str(caught.value) == (
        "late.csv:2: column 2 (UNI): no price from 2024-01-01 to 2024-01-02 (2 times); its history begins later: read "
        "from there on (--from 2024-01-03)"
    )
    assert read_prices(paths, wanted=Wanted(start=FIRST + 2 * DAY)).usd.tolist() == [[41000, 2200, 5], [41500, 2210, 6]]
    assert read_prices(paths, wanted=Wanted(("ETH", "BTC"))).symbols == ("ETH", "BTC")
    with pytest.raises(ConfigError, match="prices.csv, late.csv: no history of LINK; there are BTC, ETH, UNI"):
        read_prices(paths, wanted=Wanted(("LINK",)))


def test_read__of_a_file_of_dates_beside_one_of_times__says_that_closes_would_stand_a_day_too_early(
    tmp_path: Path,
) -> None:
    timed = SAME["times in UTC"].replace("BTC", "UNI").replace("ETH", "LINK")
    found = read_history([a_file(tmp_path, WHOLE), a_file(tmp_path, timed, "timed.csv")], Wanted())
    assert len(found.notices) == 1 and found.notices[0].startswith("prices.csv: a date is taken as its first moment")


# ---------------------------------------------------------------- rounds

ROUNDS = "updated_at,answer_1e8\n"


def rounds(*said: tuple[int, int]) -> str:
    return ROUNDS + "".join(f"{FIRST + at},{answer}\n" for at, answer in said)


def test_read__of_rounds__has_at_each_full_hour_what_stood_then(tmp_path: Path) -> None:
    text = rounds((-60, 100 * 10**8), (3_599, 101 * 10**8), (3_601, 102 * 10**8), (3 * 3_600, 103 * 10**8))
    found = read(tmp_path, text, name="chainlink_eth_usd_rounds.csv")
    assert found.prices.symbols == ("ETH",) and found.step == 3_600
    assert found.prices.usd[:, 0].tolist() == [100.0, 101.0, 102.0, 103.0], "and none of a round that was to come"


def test_read__of_two_rounds_in_one_second__takes_the_later_and_says_so(tmp_path: Path) -> None:
    found = read(tmp_path, rounds((0, 10**8), (0, 2 * 10**8), (3_600, 3 * 10**8)), name="eth_usd_rounds.csv")
    assert found.prices.usd[:, 0].tolist() == [2.0, 3.0]
    assert found.said == ("eth_usd_rounds.csv: 1 rounds of the same second as the next were left out",)


def test_read__of_rounds_beside_daily_prices__has_them_at_the_days(tmp_path: Path) -> None:
    said = [(hour * 3_600 - 10, (1000 + hour) * 10**8) for hour in range(0, 97)]
    paths = [a_file(tmp_path, WHOLE), a_file(tmp_path, rounds(*said), "uni_usd_rounds.csv")]
    assert read_prices(paths).usd[:, 2].tolist() == [1000.0, 1024.0, 1048.0, 1072.0]


def test_read__of_a_feed_that_fell_silent_for_more_than_a_day__has_a_hole_there(tmp_path: Path) -> None:
    text = rounds((0, 10**8), (3_600, 10**8), (4 * DAY, 10**8))
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, name="eth_usd_rounds.csv")
    assert (
        "eth_usd_rounds.csv:4: column 2 (ETH): no price from 2024-01-02T03:00:00Z to 2024-01-04T23:00:00Z (69 ti"
        in str(caught.value)
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (rounds((0, 10**8), (7_200, 0), (9_000, 10**8)), "eth_rounds.csv:3: column 2 (answer_1e8): '0' is no price"),
        (rounds((0, 10**8), (-7_200, 9), (9_000, 10**8)), "eth_rounds.csv:3: time goes back to 2023-12-31T22:00:00Z"),
        (rounds((0, 10**8), (60, 10**8)), "eth_rounds.csv: 1 full hours of prices in the time that is asked for"),
    ],
)
def test_read__of_rounds_that_are_wrong__names_the_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, name="eth_rounds.csv")
    assert str(caught.value).startswith(said)


def test_read__of_rounds_of_a_token_that_another_file_has__says_that_one_is_too_many(tmp_path: Path) -> None:
    said = rounds((-5, 10**8), (5 * DAY, 10**8))
    with pytest.raises(
        ConfigError, match="prices.csv:1: ETH again, as in eth_rounds.csv: a round stands until the next"
    ):
        read_prices([a_file(tmp_path, said, "eth_rounds.csv"), a_file(tmp_path, WHOLE)])


# ---------------------------------------------------------------- filling


def test_fill__of_holes_and_rows_that_are_missing__carries_the_last_price_and_counts(tmp_path: Path) -> None:
    text = WHOLE.replace("2350.25", "NaN").replace("2024-01-03,41000,2200\n", "")
    found = read(tmp_path, text, fill=2)
    assert found.prices.times.tolist() == [FIRST + DAY * number for number in range(4)]
    assert found.prices.usd.tolist() == [[42000.5, 2300], [43000, 2300], [43000, 2300], [41500, 2210]]
    assert found.filled == 3
    assert found.notices[0].startswith(
        "prices carried over from the time before: 3 (BTC 1, ETH 2; whole rows 1), at most 2 in a row: "
    )


@pytest.mark.parametrize(
    ("text", "fill", "said"),
    [
        (
            WHOLE.replace("2350.25", "").replace(",2200", ","),
            1,
            "(2 times); add it, or carry the last price with --fill 2",
        ),
        (WHOLE + "2024-01-07,1,2\n", 1, "2 rows missing between 2024-01-04 and 2024-01-07"),
        (WHOLE.replace(",2300", ","), 4, "its history begins later"),
        (WHOLE.replace("2350.25", "0"), 4, "'0' is no price"),
        (WHOLE.replace("2350.25", "x"), 4, "'x' is no number"),
    ],
)
def test_fill__of_what_it_is_not_for__is_refused_as_before(tmp_path: Path, text: str, fill: int, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, fill)
    assert said in str(caught.value)


@pytest.mark.parametrize("fill", [-1, 1_001])
def test_fill__of_no_number_of_times__is_refused(tmp_path: Path, fill: int) -> None:
    with pytest.raises(ConfigError, match=f"--fill: saw {fill}, expected 0 to 1,000 times in a row"):
        read(tmp_path, WHOLE, fill)
