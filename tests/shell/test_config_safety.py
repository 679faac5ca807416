"""What stops the keeper, how it sends, and whom it tells, as the file says it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from given_config import RIGHT, edited, error_of, written
from small_market import OVER_TIME

from rebalancer.config import Settings, read_settings
from rebalancer.core.model import OverTime, Replacing
from rebalancer.units import Bps

DEFAULTS = replace(OVER_TIME, ramp=Bps(500), ramp_days=3)


def with_section(folder: Path, section: str, environment: dict[str, str] | None = None) -> Settings:
    return read_settings(written(folder, RIGHT + section + "\n"), environment or {})


def test_read_settings__of_a_short_file__is_careful(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path), {})
    assert settings.policy.over_time == DEFAULTS
    assert settings.policy.replacing == Replacing(after=180, cancel=True)
    assert (settings.quorum, settings.relay_url, settings.relay_fallback) == (1, None, False)
    assert (settings.notify_urls, settings.ping_url) == ((), None)


def test_read_settings__of_limits_over_time__gives_them_in_their_units(tmp_path: Path) -> None:
    section = """
safety:
  drawdown: 7.5 % in 12 h
  trades_per_day: 3
  turnover_per_day: 40 %
  cost_per_month: 1 %
  failures: 1
  ramp: 2.5 % for 2 w
  refill: 14 d
"""
    expected = OverTime(Bps(750), 43_200, 3, Bps(4_000), Bps(100), 1, Bps(250), 14, 14)
    assert with_section(tmp_path, section).policy.over_time == expected


def test_read_settings__of_no_ramp__has_none(tmp_path: Path) -> None:
    over_time = with_section(tmp_path, "safety: {ramp: off}").policy.over_time
    assert (over_time.ramp, over_time.ramp_days) == (0, 0)


def test_read_settings__of_a_way_to_send__gives_it(tmp_path: Path) -> None:
    section = """
execution:
  replace_after: 48 s
  when_stuck: leave
  confirmations: 5
  relay: ${RELAY}
  relay_fallback: true
"""
    settings = with_section(tmp_path, section, {"RELAY": "https://relay.example/topsecret"})
    assert settings.policy.replacing == Replacing(after=48, cancel=False)
    assert (settings.confirmations, settings.relay_fallback) == (5, True)
    assert settings.relay_url == "https://relay.example/topsecret"


def test_read_settings__of_two_nodes_that_must_agree__gives_both(tmp_path: Path) -> None:
    path = edited(tmp_path, "rpc: https://node.example/v2/topsecret", "rpc: [https://a.example, https://b.example]")
    path.write_text(path.read_text().replace("  native:", "  quorum: 2\n  native:"))
    settings = read_settings(path, {})
    assert (settings.quorum, settings.rpc_urls) == (2, ("https://a.example", "https://b.example"))


@pytest.mark.parametrize(
    ("urls", "expected"),
    [
        ("mailtos://me:topsecret@example.com", ("mailtos://me:topsecret@example.com",)),
        ('["${CHANNEL}", "tgram://topsecret/1"]', ("discord://topsecret/2", "tgram://topsecret/1")),
        ("[]", ()),
    ],
)
def test_read_settings__of_channels__gives_their_urls(tmp_path: Path, urls: str, expected: tuple[str, ...]) -> None:
    section = f"notify:\n  urls: {urls}\n  ping: https://hc.example/topsecret"
    settings = with_section(tmp_path, section, {"CHANNEL": "discord://topsecret/2"})
    assert (settings.notify_urls, settings.ping_url) == (expected, "https://hc.example/topsecret")


def test_settings__of_relay_and_channels__hold_no_secret_when_shown(tmp_path: Path) -> None:
    section = """
execution: {relay: "https://relay.example/topsecret"}
notify: {urls: ["tgram://topsecret/1"], ping: "https://hc.example/topsecret"}
"""
    settings = with_section(tmp_path, section)
    assert settings.relay_url and settings.notify_urls and settings.ping_url
    assert "topsecret" not in repr(settings)


@pytest.mark.parametrize(
    ("section", "key", "part"),
    [
        ("safety: {drawdown: 15 %}", "safety.drawdown", "such as `15 % in 1 d`, saw '15 %'"),
        ("safety: {drawdown: 0 % in 1 d}", "safety.drawdown", "at most 50 %, in 1 h to 30 d"),
        ("safety: {drawdown: 51 % in 1 d}", "safety.drawdown", "a wider limit stops nothing"),
        ("safety: {drawdown: 15 % in 59 min}", "safety.drawdown", "in 1 h to 30 d"),
        ("safety: {drawdown: 15 % in 31 d}", "safety.drawdown", "in 1 h to 30 d"),
        ("safety: {drawdown: 0.15 in 1 d}", "safety.drawdown", "a bare 0.15 could mean two things"),
        ("safety: {drawdown: off}", "safety.drawdown", "expected a percentage and a time"),
        ("safety: {trades_per_day: 0}", "safety.trades_per_day", "1 to 1,000 rebalances"),
        ("safety: {trades_per_day: many}", "safety.trades_per_day", "expected a whole number"),
        ("safety: {turnover_per_day: 0 %}", "safety.turnover_per_day", "more than zero"),
        ("safety: {turnover_per_day: 1001 %}", "safety.turnover_per_day", "at most 1000 %"),
        ("safety: {cost_per_month: 11 %}", "safety.cost_per_month", "expected at most 10 %"),
        ("safety: {failures: 0}", "safety.failures", "1 to 20 batches"),
        ("safety: {ramp: 5 %}", "safety.ramp", "such as `5 % for 3 d`, or `off`"),
        ("safety: {ramp: 5 % in 3 d}", "safety.ramp", "such as `5 % for 3 d`, or `off`"),
        ("safety: {ramp: 5 % for 36 h}", "safety.ramp", "whole days"),
        ("safety: {ramp: 0 % for 3 d}", "safety.ramp", "more than nothing"),
        ("safety: {ramp: 5 % for 0 d}", "safety.ramp", "at least 1 d; `off` is no ramp"),
        ("safety: {ramp: 5 % for 91 d}", "safety.ramp", "for at most 90 d"),
        ("safety: {refill: 12 h}", "safety.refill", "whole days"),
        ("safety: {refill: 91 d}", "safety.refill", "1 to 90 days"),
        ("safety: {drawdawn: 15 % in 1 d}", "safety.drawdawn", "did you mean `drawdown`?"),
        ("saftey: {failures: 3}", "saftey", "did you mean `safety`?"),
        ("execution: {replace_after: 11 s}", "execution.replace_after", "12 s to 1 h"),
        ("execution: {when_stuck: panic}", "execution.when_stuck", "expected 'cancel' or 'leave', saw 'panic'"),
        ("execution: {relay: relay.example/topsecret}", "execution.relay", "its text is not shown"),
        ("execution: {relay_fallback: true}", "execution.relay_fallback", "nothing to fall back from"),
        ("execution: {confirmations: 65}", "execution.confirmations", "1 to 64 blocks"),
        ("notify: {urls: topsecret}", "notify.urls[0]", "a URL of Apprise's"),
        ('notify: {urls: ["tgram://x", "TGRAM://topsecret"]}', "notify.urls[1]", "its text is not shown"),
        ("notify: {urls: {tgram: topsecret}}", "notify.urls", "one URL or a list of them"),
        ("notify: {urls: }", "notify.urls", "one URL or a list of them"),
        ("notify: {ping: topsecret}", "notify.ping", "http:// or https://"),
        ("notify: {url: topsecret}", "notify.url", "did you mean `urls`?"),
    ],
)
def test_read_settings__of_a_wrong_key__names_it_and_shows_no_secret(
    tmp_path: Path, section: str, key: str, part: str
) -> None:
    message = error_of(written(tmp_path, RIGHT + section + "\n"))
    assert f": {key}: " in message and part in message, message
    assert "topsecret" not in message


@pytest.mark.parametrize(
    ("rpc", "quorum", "part"),
    [
        ("https://a.example", 2, "different URLs in `chain.rpc`, 1"),
        ("[https://a.example, https://a.example]", 2, "different URLs in `chain.rpc`, 1"),
        ("[https://a.example, https://b.example, https://c.example]", 3, "expected 1 to 2 nodes"),
        ("https://a.example", 0, "expected 1 to 2 nodes"),
    ],
)
def test_read_settings__of_more_agreement_than_nodes__is_refused(
    tmp_path: Path, rpc: str, quorum: int, part: str
) -> None:
    text = RIGHT.replace("https://node.example/v2/topsecret", f"{rpc}\n  quorum: {quorum}")
    message = error_of(written(tmp_path, text))
    assert ": chain.quorum: " in message and part in message
