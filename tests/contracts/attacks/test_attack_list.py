"""The list of attacks is whole: each has a test, and the table says so."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from catalogue import ATTACKS, missing, stopped_by, table
from given_reasons import BEFORE_EXECUTION, all_rules


def _played() -> list[tuple[int, str, str]]:
    """Number, wall, rule of every mark in this folder; what is no literal there is shown as it is written."""
    rows = []
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "stopped_by" and len(node.args) == 3:
                number, wall, rule = (ast.unparse(argument) for argument in node.args)
                rows.append((int(number) if number.isdigit() else 0, wall, rule))
    return rows


def test_list__has_all_the_attacks__and_each_is_played() -> None:
    assert list(ATTACKS) == list(range(1, 47))
    assert missing(_played()) == []


def test_table__of_a_run__counts_what_passed_and_names_what_has_no_test() -> None:
    lines = table([(7, "floor", "min_out"), (7, "floor", "execution")], [(9, "direction", "drift")])
    assert len(lines) == len(ATTACKS)
    assert lines[6] == " 7      2/2  no minimum, through a thin pool\n             floor  [min_out, execution]"
    assert lines[8].startswith(" 9      0/1  churn")
    assert lines[0].startswith(" 1  NO TEST  transfer")
    assert missing([(number, "wall", "rule") for number in range(1, 46)]) == [46]


def test_mark__of_an_attack_that_is_not_on_the_list__is_refused() -> None:
    with pytest.raises(AssertionError, match="there is no attack 47"):
        stopped_by(47, "wall", "rule")


def test_rules__of_the_contracts__are_read_from_their_asserts() -> None:
    found = all_rules()
    assert found >= BEFORE_EXECUTION | {"payment", "too_large", "allowance_left", "only_safe", "RouteCheck: receiver"}
    # What the headers say of the form of a reason is none.
    assert not found & {"rule", "field", "RouteCheck: field", "RouteCheck: rule"}
    assert len(found) > 70
