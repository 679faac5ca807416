"""One replica for all attacks, with everything that they are played on; each test gets it as it was at the start.

After a run a table says for each attack which wall stopped it. `--every-attack` fails the run where one of them, or a
rule of the contracts, has no test that passed; `--rule NAME` keeps only the tests that end at that rule.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest

pytest.register_assert_rewrite("given_attacks", "given_market")

from catalogue import Row, missing, table  # noqa: E402
from given_arena import an_arena  # noqa: E402
from given_attacks import USUAL, Arena  # noqa: E402
from given_market import Market, a_market  # noqa: E402
from given_reasons import all_rules  # noqa: E402

from rebalancer.replica.chain import Replica  # noqa: E402
from rebalancer.replica.safes import RELEASES  # noqa: E402

COUNTED = "attack"
ENDED = "rule"


@pytest.fixture(scope="session")
def running_replica() -> Iterator[Replica]:
    with Replica.start() as replica:
        yield replica


@pytest.fixture(scope="session")
def arenas(request: pytest.FixtureRequest, running_replica: Replica) -> dict[str, Arena]:
    """On the releases that the chosen tests ask for: before the first of them, as none of them may build anything."""
    asked = {_parameters(item).get("arena", USUAL) for item in request.session.items}
    return {version: an_arena(running_replica, version) for version in RELEASES if version in asked}


@pytest.fixture(scope="session")
def markets(request: pytest.FixtureRequest, running_replica: Replica) -> list[Market]:
    asked = any("market" in getattr(item, "fixturenames", ()) for item in request.session.items)
    return [a_market(running_replica)] if asked else []


@pytest.fixture
def replica(running_replica: Replica, arenas: dict[str, Arena], markets: list[Market]) -> Iterator[Replica]:
    with running_replica.scratch():
        yield running_replica


@pytest.fixture
def arena(request: pytest.FixtureRequest, replica: Replica, arenas: dict[str, Arena]) -> Arena:
    """On the release of Safe that the test asks for (`every_safe`)."""
    return arenas[getattr(request, "param", USUAL)]


@pytest.fixture
def market(replica: Replica, markets: list[Market]) -> Market:
    return markets[0]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-attack", action="store_true", help="fail where one of the attacks has no test")
    parser.addoption("--rule", default="", help="only the tests that end at this rule")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "stopped_by(number, wall, rule): the attack that a test plays, and its end")
    config.addinivalue_line("markers", "ends_at(rule): no attack of the list, but the test ends at this rule")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        item.user_properties += [(COUNTED, mark.args) for mark in item.iter_markers("stopped_by")]
        item.user_properties += [(ENDED, rule) for rule in sorted(_rules(item))]
    rule = config.getoption("--rule", default="")
    if rule:
        items[:] = [item for item in items if rule in _rules(item)]


def _rules(item: pytest.Item) -> set[str]:
    named = {mark.args[-1] for name in ("stopped_by", "ends_at") for mark in item.iter_markers(name)}
    return named | ({str(_parameters(item)["rule"])} if "rule" in _parameters(item) else set())


def _parameters(item: pytest.Item) -> dict[str, Any]:
    callspec = getattr(item, "callspec", None)
    return dict(callspec.params) if callspec else {}


def _rows(reporter: pytest.TerminalReporter, outcomes: tuple[str, ...]) -> list[Row]:
    return [tuple(value) for value in _properties(reporter, COUNTED, outcomes)]


def _properties(reporter: pytest.TerminalReporter, wanted: str, outcomes: tuple[str, ...]) -> list[Any]:
    reports = [report for outcome in outcomes for report in reporter.stats.get(outcome, [])]
    return [value for report in reports for name, value in report.user_properties if name == wanted]


def _without_end(reporter: pytest.TerminalReporter) -> list[str]:
    """The rules at which no test that passed has ended."""
    return sorted(all_rules() - set(_properties(reporter, ENDED, ("passed",))))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    passed, failed = _rows(terminalreporter, ("passed",)), _rows(terminalreporter, ("failed", "error"))
    if not passed and not failed:
        return
    terminalreporter.section("attacks: number, tests passed, name, wall, rule")
    for line in table(passed, failed):
        terminalreporter.write_line(line)
    without = missing(passed)
    terminalreporter.write_line(f"{len(passed)} attack tests passed, {len(failed)} failed; without one: {without}")
    if config.getoption("--every-attack"):
        terminalreporter.write_line(f"rules at which no test ended: {_without_end(terminalreporter)}")


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not session.config.getoption("--every-attack", default=False) or reporter is None:
        return
    if missing(_rows(reporter, ("passed",))) or _without_end(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
