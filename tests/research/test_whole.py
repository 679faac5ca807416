"""What is written whole, or not at all: the pages of reports, and files of prices."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from given_prices import some
from given_room import room_for

from rebalancer.cli.figures import require_writable, write_page
from rebalancer.core.errors import ConfigError
from rebalancer.research.prices.out import cells_of, write_cells
from rebalancer.research.whole import whole

PAGE = "a page\n" * 9_000
ROOM = 20_000


def test_write_page__over_another__replaces_it_and_leaves_who_may_read_it(tmp_path: Path) -> None:
    page = tmp_path / "out.html"
    page.write_text("an old page")
    page.chmod(0o640)
    require_writable(page)
    assert page.read_text() == "an old page"
    write_page(page, PAGE)
    assert page.read_text() == PAGE and page.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [page]


@pytest.mark.parametrize("linked", [False, True], ids=["by its name", "by a link"])
def test_write_page__to_a_disk_that_is_full__leaves_the_old_one_whole(tmp_path: Path, linked: bool) -> None:
    page, link = tmp_path / "out.html", tmp_path / "newest.html"
    page.write_text("an old page")
    link.symlink_to(page.name)
    with room_for(ROOM), pytest.raises(ConfigError, match=r"--html .*: expected a file that can be written, saw: "):
        write_page(link if linked else page, PAGE)
    assert page.read_text() == "an old page" and link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [link, page]


def test_write_page__to_a_disk_that_is_full_and_nothing_there__leaves_nothing(tmp_path: Path) -> None:
    with room_for(ROOM), pytest.raises(ConfigError):
        write_page(tmp_path / "out.html", PAGE)
    assert list(tmp_path.iterdir()) == []


def test_write_page__to_what_is_open_already__is_written_there() -> None:
    reader, writer = os.pipe()
    require_writable(Path(f"/dev/fd/{writer}"))
    write_page(Path(f"/dev/fd/{writer}"), "a page")
    os.close(writer)
    with os.fdopen(reader) as file:
        assert file.read() == "a page"


def test_whole__what_is_open_and_a_file__is_that_file_and_no_other_in_its_place(tmp_path: Path) -> None:
    with (tmp_path / "out.html").open("w+") as file:
        write_page(Path(f"/dev/fd/{file.fileno()}"), "a page")
        assert file.read() == "a page"


def test_whole__stopped_half_way__leaves_no_draft(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), whole(tmp_path / "out") as draft:
        draft.write_text("half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_write_cells__to_a_disk_that_is_full__leaves_no_draft(tmp_path: Path, name: str) -> None:
    cells = cells_of(some(40))
    with room_for(100), pytest.raises(ConfigError, match=f"{name}: cannot be written: "):
        write_cells(tmp_path / name, cells)
    assert list(tmp_path.iterdir()) == []
