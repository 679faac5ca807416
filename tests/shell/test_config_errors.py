"""A wrong file in, one ConfigError out: every wrong key is named as people see it, with its line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from given_config import ETH_USD, OPERATOR, RIGHT, SAFE, USDC, WETH, edited, error_of, written

TARGETS = "    target: 60 %\n"
ETH_FEED = f"{{feed: {ETH_USD}, heartbeat: 1 h}}"
UNI_TWAP = "{twap: {pool: v3 UNI/WETH 0.3 %, min_depth: 100_000 USD}}"
POOLS = "[v3 USDC/WETH 0.05 %, v3 UNI/WETH 0.3 %]"
WRONG = [
    # what stands in the right file, what stands there instead, the line, the key, a part of what is said
    ("id: 1", "id: one", 2, "chain.id", "expected a whole number"),
    ("id: 1", "id: 0", 2, "chain.id", "more than zero"),
    ("  id: 1\n", "", 1, "chain.id", "missing; expected the chain's number"),
    ("native: WETH", "native: WTH", 4, "chain.native", "unknown token 'WTH'"),
    ("  native: WETH\n", "", 1, "chain.native", "missing"),
    ("rpc: https://node.example/v2/topsecret", "rpc: ftp://topsecret", 3, "chain.rpc[0]", "http:// or https://"),
    ("rpc: https://node.example/v2/topsecret", "rpc: []", 3, "chain.rpc", "one URL or a list"),
    ("rpc: https://node.example/v2/topsecret", "rpc:", 3, "chain.rpc", "expected one URL or a list"),
    ("rpc: https", "rcp: https", 3, "chain.rcp", "did you mean `rpc`?"),
    ("rpc: https://node.example/v2/topsecret", "rpc: {url: https://topsecret}", 3, "chain.rpc", "one URL or a list"),
    ("chain:", "chian:", 1, "chian", "did you mean `chain`?"),
    ("  kind: safe", "  kind: eoa", 6, "wallet.kind", "expected 'safe' or 'safe-module', saw 'eoa'"),
    ("  kind: safe", "  kind: safe\n  keystor: x", 7, "wallet.keystor", "did you mean `keystore`?"),
    (f"address: {SAFE}", f"address: {SAFE.lower()}", 7, "wallet.address", f"as it stands it is {SAFE}"),
    (f"address: {SAFE}", "address:", 7, "wallet.address", "is empty; expected the address of the Safe"),
    (f"address: {SAFE}", f"address: [{SAFE}]", 7, "wallet.address", "expected one value, saw a list"),
    (f"operator: {OPERATOR}", f"operator: {SAFE}", 8, "wallet.operator", "another account than `wallet.address`"),
    (f"operator: {OPERATOR}", f"operator: {USDC}", 8, "wallet.operator", "saw the token USDC"),
    (WETH, WETH.upper().replace("0X", "0x"), 11, "tokens.WETH.address", f"as it stands it is {WETH}"),
    (USDC, WETH, 16, "tokens.USDC.address", "saw the address of WETH"),
    ("decimals: 18", "decimals: 77", 12, "tokens.WETH.decimals", "expected 0 to 36, saw '77'"),
    ("    decimals: 18\n", "", 10, "tokens.WETH.decimals", "missing; expected the token's decimals"),
    ("target: 60 %", "target: 0.6", 13, "tokens.WETH.target", "such as `30 %`; a bare 0.6 could mean two things"),
    ("target: 60 %", "target: 59.9 %", 9, "tokens", "sum to 100 %, saw 99.9 %"),
    ("target: 60 %", "target: 60.0000000000000001 %", 9, "tokens", "saw 100.0000000000000001 %"),
    ("target: 60 %", "taget: 60 %", 13, "tokens.WETH.taget", "did you mean `target`?"),
    (", heartbeat: 1 h", "", 14, "tokens.WETH.price.heartbeat", "missing; expected the longest that the feed"),
    ("heartbeat: 1 h", "heartbeat: 3600", 14, "tokens.WETH.price.heartbeat", "expected a duration"),
    ("heartbeat: 1 h", "hartbeat: 1 h", 14, "tokens.WETH.price.hartbeat", "did you mean `heartbeat`?"),
    (f"    price: {ETH_FEED}\n", "", 10, "tokens.WETH.price", "missing; expected where the price comes from"),
    (ETH_FEED, "3000 USD", 14, "tokens.WETH.price", "expected keys below it, saw '3000 USD'"),
    (ETH_USD, ETH_USD.lower(), 14, "tokens.WETH.price.feed", f"as it stands it is {ETH_USD}"),
    (ETH_FEED, f"{{product: [{ETH_FEED}]}}", 14, "tokens.WETH.price.product", "expected 2 entries, saw 1"),
    (ETH_FEED, f"{{product: [{ETH_FEED}, {ETH_FEED}]}}", 14, "tokens.WETH.price.product[1].feed", "twice"),
    (ETH_FEED, f"{{product: {ETH_USD}}}", 14, "tokens.WETH.price.product", "expected a list"),
    (ETH_FEED, f"{{product: [{ETH_FEED}, {{feed: x}}]}}", 14, "tokens.WETH.price.product[1].heartbeat", "missing"),
    ("min_depth", "window: 29 min, min_depth", 24, "tokens.UNI.price.twap.window", "at least 30 min"),
    (", min_depth: 100_000 USD", "", 24, "tokens.UNI.price.twap.min_depth", "missing"),
    ("v3 UNI/WETH 0.3 %, min", "v2 UNI/WETH, min", 24, "tokens.UNI.price.twap.pool", "expected a V3 pool"),
    ("v3 UNI/WETH 0.3 %, min", "v3 USDC/WETH 0.3 %, min", 24, "tokens.UNI.price.twap.pool", "expected a pool of UNI"),
    ("v3 UNI/WETH 0.3 %, min", "v3 UNI/DAI 0.3 %, min", 24, "tokens.UNI.price.twap.pool", "unknown token 'DAI'"),
    (ETH_FEED, UNI_TWAP, 14, "tokens.WETH.price.twap.pool", "expected UNI to be priced by a feed"),
    ("  UNI:", "  UNI/V1:", 20, "tokens.UNI/V1", "without spaces and `/`"),
    ("  USDC:", "  WETH:", 10, "tokens.WETH", "expected each key once, saw it on line 10 and on line 15"),
    (POOLS, "[]", 10, "tokens.WETH", "no pool leads from WETH"),
    (POOLS, "[v3 USDC/WETH 0.05 %]", 20, "tokens.UNI", "no pool leads from UNI"),
    (POOLS, f"{POOLS}\n    hubs: [USDC]", 27, "venues.uniswap.pools", "no path between USDC and UNI"),
    (POOLS, f"{POOLS}\n    hubs: [WETH, DAI]", 28, "venues.uniswap.hubs[1]", "unknown token 'DAI'"),
    (POOLS, f"{POOLS}\n    hubs: [WETH, WETH]", 28, "venues.uniswap.hubs[1]", "each hub once"),
    ("[v3 USDC/WETH 0.05 %", "[v3 USDC/WETH 0.25 %", 27, "venues.uniswap.pools[0]", "0.01 %, 0.05 %, 0.3 %, 1 %"),
    ("[v3 USDC/WETH 0.05 %", "[v2 USDC/WETH 0.3 %", 27, "venues.uniswap.pools[0]", "expected no fee"),
    ("[v3 USDC/WETH 0.05 %", "[v3 WETH/WETH 0.3 %", 27, "venues.uniswap.pools[0]", "two different tokens"),
    (POOLS, "[v2 USDC/WETH, v2 UNI/WETH, v2 WETH/UNI]", 27, "venues.uniswap.pools[2]", "each pool once"),
    ("    pools:", "    polls:", 26, "venues.uniswap.pools", "missing; expected a list of pools"),
    ("  uniswap:", "  sushiswap:", 26, "venues.sushiswap", "did you mean `uniswap`?"),
    ("venues:", "cash: DAI\nvenues:", 25, "cash", "unknown token 'DAI'"),
    ("venues:", "cash: a b\nvenues:", 25, "cash", "expected the symbol of one of the `tokens`, saw 'a b'"),
    ("venues:", "live: yes\nvenues:", 25, "live", "expected true or false, saw 'yes'"),
    ("venues:", "ledger: mysql://root:topsecret@db/x\nvenues:", 25, "ledger", "expected a file"),
    ("venues:", 'ledger: "sqlite://"\nvenues:', 25, "ledger", "forgets what was sent"),
    ("venues:", "trigger: {kind: sometimes}\nvenues:", 25, "trigger.kind", "saw 'sometimes'"),
    ("venues:", "trigger: {every: 7 d}\nvenues:", 25, "trigger.every", "expected none with `kind: threshold`"),
    ("venues:", "trigger: {kind: hybrid}\nvenues:", 25, "trigger.every", "missing; expected a duration"),
    (
        "venues:",
        "trigger: {kind: calendar, every: 1 d, band: {absolute: 1 %}}\nvenues:",
        25,
        "trigger.band",
        "calendar",
    ),
    ("venues:", "trigger: {band: {}}\nvenues:", 25, "trigger.band", "missing; expected `absolute"),
    ("venues:", "trigger: {band: {absolute: 0 %}}\nvenues:", 25, "trigger.band.absolute", "more than zero"),
    (
        "venues:",
        "trigger: {band: {absolute: 10 %}}\nvenues:",
        25,
        "trigger.band",
        "narrower than the target of UNI, 10 %",
    ),
    (
        TARGETS,
        TARGETS + "    band: {absolute: 60 %}\n",
        14,
        "tokens.WETH.band",
        "narrower than the target of WETH, 60 %",
    ),
    (
        "venues:",
        "trigger: {return_to: 50 %}\nvenues:",
        25,
        "trigger.return_to",
        "'half', 'edge' or 'optimal', saw '50 %'",
    ),
    (
        "venues:",
        "trigger: {kind: calendar, every: 1 d, return_to: optimal}\nvenues:",
        25,
        "trigger.return_to",
        "calendar",
    ),
    ("venues:", "drift: {cost: 0.1 %}\nvenues:", 25, "drift.cost", "such as `0.1 % a year at 5 points`, saw '0.1 %'"),
    ("venues:", "drift: {cost: 0 % a year at 5 points}\nvenues:", 25, "drift.cost", "more than zero on both sides"),
    ("venues:", "drift: {volatility: 0 %}\nvenues:", 25, "drift.volatility", "at least 1 %"),
    ("venues:", "drift: {volatility: 1_001 %}\nvenues:", 25, "drift.volatility", "at most 300 %"),
    (
        "venues:",
        "drift: {cost: 5 % a year at 0.1 points}\nvenues:",
        25,
        "drift.cost",
        "expected 0.000001 % to 0.0025 % a year at 0.1 points (are the two figures the wrong way round?), saw '5 % a "
        "year at 0.1 points'",
    ),
    ("venues:", "drift: {volatilty: 60 %}\nvenues:", 25, "drift.volatilty", "did you mean `volatility`?"),
    (TARGETS, TARGETS + "    volatility: 0.6\n", 14, "tokens.WETH.volatility", "could mean two things"),
    ("venues:", "contributions: none\nvenues:", 25, "contributions", "'only', 'first' or 'ignore', saw 'none'"),
    ("venues:", "contributions: only\nvenues:", 25, "contributions", "`first` or `ignore` without `cash`"),
    ("venues:", "trigger: {window: {days: []}}\nvenues:", 25, "trigger.window.days", "expected 1 entries, saw 0"),
    ("venues:", "trigger: {window: {days: [monday]}}\nvenues:", 25, "trigger.window.days[0]", "one of mon, tue"),
    ("venues:", "trigger: {window: {hours: 9-5}}\nvenues:", 25, "trigger.window.hours", "hours in UTC"),
    ("venues:", "limits: {max_slippage: 0 %}\nvenues:", 25, "limits.max_slippage", "more than zero"),
    ("venues:", "limits: {max_slippage: 11 %}\nvenues:", 25, "limits.max_slippage", "expected at most 10 %"),
    ("venues:", "limits: {deadline: 61 min}\nvenues:", 25, "limits.deadline", "24 s to 1 h: two blocks"),
    ("venues:", "limits: {deadline: 23 s}\nvenues:", 25, "limits.deadline", "24 s to 1 h: two blocks"),
    ("venues:", "limits: {max_block_age: 61 min}\nvenues:", 25, "limits.max_block_age", "1 s to 1 h: what an older"),
    ("venues:", "execution: {patience: 61 min}\nvenues:", 25, "execution.patience", "1 s to 1 h: the next tick"),
    ("venues:", "trigger: {kind: calendar, every: 367 d}\nvenues:", 25, "trigger.every", "expected at most 366 d"),
    ("heartbeat: 1 h", "heartbeat: 8 d", 14, "tokens.WETH.price.heartbeat", "1 s to 7 d: no feed"),
    ("margin: 10 min", "margin: 25 h", 19, "tokens.USDC.price.margin", "1 s to 1 d: a feed that is later"),
    ("venues:", "limits: {max_slipage: 1 %}\nvenues:", 25, "limits.max_slipage", "did you mean `max_slippage`?"),
    ("venues:", "limits: {min_trade: 0}\nvenues:", 25, "limits.min_trade", "more than zero"),
    ("venues:", "limits: {max_gas_price: 30}\nvenues:", 25, "limits.max_gas_price", "`30 gwei`"),
    ("venues:", "limits: {tip: 31 gwei}\nvenues:", 25, "limits.tip", "at most `limits.max_gas_price`"),
    ("venues:", "limits: {max_impact: 2 %}\nvenues:", 25, "limits.max_impact", "at most `limits.max_slippage`"),
    ("venues:", "limits: 5\nvenues:", 25, "limits", "expected keys below it, saw '5'"),
    ("venues:", "execution: {confirmations: 0}\nvenues:", 25, "execution.confirmations", "expected 1 to 64 blocks"),
    ("id: 1", "id: &one 1\n  chain: *one", 3, "chain.chain", "aliases are not read"),
    ("id: 1", "id: !!int 1", 2, "chain.id", "without a tag"),
    ("id: 1", "id: ${CHAIN}", 2, "chain.id", "the environment variable CHAIN is not set"),
    ("id: 1", "id: ${CHAIN", 2, "chain.id", "expected `${NAME}` or `${NAME:-default}`"),
]


@pytest.mark.parametrize(("edit", "line", "key", "part"), [(w[:2], *w[2:]) for w in WRONG], ids=lambda x: str(x)[:30])
def test_read_settings__of_a_wrong_key__names_line_and_key(
    tmp_path: Path, edit: tuple[str, str], line: int, key: str, part: str
) -> None:
    message = error_of(edited(tmp_path, *edit))
    hits = [text for text in message.splitlines() if text.startswith(f"rebalancer.yaml:{line}: {key}: ")]
    assert hits and part in hits[0], message
    assert "topsecret" not in message


def test_read_settings__of_cash_without_target__is_refused(tmp_path: Path) -> None:
    text = RIGHT.replace("target: 60 %", "target: 90 %").replace("    target: 30 %\n", "") + "cash: USDC\n"
    assert "cash: expected a token with a `target`, saw USDC, which has none" in error_of(written(tmp_path, text))


def test_read_settings__of_a_volatility_without_target__is_refused(tmp_path: Path) -> None:
    text = RIGHT.replace("target: 60 %", "target: 90 %").replace("    target: 30 %\n", "    volatility: 9 %\n")
    assert "tokens.USDC.volatility: expected none: USDC has no `target`" in error_of(written(tmp_path, text))


def test_read_settings__of_many_wrong_keys__names_them_all_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = RIGHT.replace("id: 1", "id: x").replace("60 %", "0.6").replace("1 d,", "1,").replace("0.05 %", "5 %")
    lines = error_of(written(tmp_path, text + "moon: 1\n")).splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        "chain.id",
        "tokens.WETH.target",
        "tokens.USDC.price.heartbeat",
        "venues.uniswap.pools[0]",
        "moon",
    ]


def test_read_settings__of_one_wrong_token__reports_nothing_that_follows_from_it(tmp_path: Path) -> None:
    assert len(error_of(edited(tmp_path, "decimals: 6", "decimals: six")).splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "is empty"),
        (b"# only a remark\n\n", "is empty"),
        (b"---\n", "expected keys such as `chain:`"),
        (b"- a\n- b\n", "expected keys such as `chain:`"),
        (b"chain", "expected keys such as `chain:`"),
        (b"chain: [1\n", "not YAML"),
        (b"\tchain: 1\n", "rebalancer.yaml:1: not YAML"),
        (b"chain: {a: b\nwallet: }", "not YAML"),
        (b"a: 1\n---\nb: 2\n", "a second one"),
        (b"\x00\x01\x02", "characters that no text has"),
        (b"\xff\xfe\x00c", "expected UTF-8 text"),
        (b"? [a, b]\n: 1\n", "expected a plain key"),
        (b"a: " + b"[" * 100_000, "expected at most 20 levels"),
        (b"a: " + b"{a: " * 10_000, "expected at most 20 levels"),
        (b"a" * 1_000_001, "at most 1,000,000 bytes"),
    ],
)
def test_read_settings__of_what_is_no_configuration__says_so(tmp_path: Path, content: bytes, part: str) -> None:
    path = tmp_path / "rebalancer.yaml"
    path.write_bytes(content)
    assert part in error_of(path)


def test_read_settings__of_no_file__points_to_init(tmp_path: Path) -> None:
    assert "no such file; `rebalancer init` writes an example" in error_of(tmp_path / "nowhere.yaml")
    assert "cannot be read: Is a directory" in error_of(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_read_settings__of_a_file_of_somebody_else__says_so(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.chmod(0)
    assert "cannot be read: Permission denied" in error_of(path)
