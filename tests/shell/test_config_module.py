"""The file's on-chain policy: what it says, what it leaves out, and what the contract would not take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from given_config import BTC_USD, ETH_USD, OPERATOR, RIGHT, SAFE, UNI, USDC, USDC_USD, WETH, edited, written
from suggested_limits import SUGGESTED

from rebalancer.config import module_policy, read_settings
from rebalancer.core.errors import ConfigError
from rebalancer.core.model.module import NOBODY, ModuleAsset, ModuleLimits, ModulePolicy, ModuleRoute
from rebalancer.units import ONE, Address, Ppm, Usd

ROUTER = Address("0x68b3465833fb72A70ecDF485E0e4C7bD8665Fc45")
MODULE = Address("0x6B175474E89094C44Da98b954EedeAC495271d0F")
GUARDIAN = Address("0x1F98431c8aD98523631AE4a59f267346ea31F984")
TWAP = "{twap: {pool: v3 UNI/WETH 0.3 %, min_depth: 100_000 USD}}"
MODULAR = (
    RIGHT.replace("kind: safe", f"kind: safe-module\n  module: {MODULE}").replace(
        TWAP, f"{{product: [{{feed: {ETH_USD}, heartbeat: 1 h}}, {{feed: {BTC_USD}, heartbeat: 2 h, margin: 60 s}}]}}"
    )
    + """\
module:
  window: 1 d
"""
)
"""The right file on a module, with a token whose price is a product."""


def refusal(tmp_path: Path, old: str, new: str, text: str = MODULAR) -> str:
    """What the reader says of the file with `old` replaced; `old` must be there."""
    assert old in text
    with pytest.raises(ConfigError) as error:
        read_settings(written(tmp_path, text.replace(old, new, 1)), {})
    return str(error.value)


def test_module_policy__of_a_file_that_says_little__has_the_defaults(tmp_path: Path) -> None:
    policy, targets = module_policy(read_settings(written(tmp_path, MODULAR), {}), ROUTER)
    whole = (Ppm(0), Ppm(1_000_000), Usd(0), Usd(0))
    assert policy == ModulePolicy(
        safe=SAFE,
        assets=(
            ModuleAsset(WETH, ETH_USD, 3_900, NOBODY, 0, *whole),
            ModuleAsset(USDC, USDC_USD, 87_000, NOBODY, 0, *whole),
            ModuleAsset(UNI, ETH_USD, 3_900, BTC_USD, 7_260, *whole),
        ),
        hubs=(),
        routes=(ModuleRoute(ROUTER, NOBODY),),
        limits=SUGGESTED,
    )
    assert targets == (600_000, 300_000, 100_000)


def test_module_policy__of_a_file_that_says_all__says_it(tmp_path: Path) -> None:
    text = MODULAR.replace(
        "target: 60 %", "target: 60 %\n    range: 40 % - 62.5 %\n    price_band: 500 USD - 9_000.5 USD"
    )
    section = (
        f"guardian: {GUARDIAN}\n  window: 2 h\n  max_turnover: 12.5 %\n  max_loss: 0 %\n  max_shortfall: 0.2501 %\n"
        "  min_trade: 1_000 USD\n  max_trade: 7 %\n  tolerance: 0.01 %\n  cooldown: 2 h\n  target_step: 1 %\n"
        f"  allow_opaque: true\n  sequencer: {BTC_USD}\n  grace: 30 min\n  hubs: []\n"
        f"  routes: [{{router: {GUARDIAN}, checker: {MODULE}}}]"
    )
    settings = read_settings(written(tmp_path, text.replace("window: 1 d", section)), {})
    policy, _ = module_policy(settings, ROUTER)
    weth = policy.assets[0]
    assert (weth.least, weth.most) == (400_000, 625_000)
    assert (weth.price_low, weth.price_high) == (500 * ONE, 9_000 * ONE + ONE // 2)
    assert policy.routes == (ModuleRoute(ROUTER, NOBODY), ModuleRoute(GUARDIAN, MODULE))
    assert policy.limits == ModuleLimits(
        window=7_200,
        max_turnover=Ppm(125_000),
        max_loss=Ppm(0),
        max_shortfall=Ppm(2_501),
        min_trade=Usd(1_000 * ONE),
        max_trade=Ppm(70_000),
        tolerance=Ppm(100),
        cooldown=7_200,
        target_step=Ppm(10_000),
        allow_opaque=True,
        sequencer=BTC_USD,
        grace=1_800,
    )
    assert settings.module is not None and settings.module.guardian == GUARDIAN


def test_module_policy__where_a_hub_has_no_target__lists_it(tmp_path: Path) -> None:
    text = MODULAR.replace("    target: 10 %\n", "").replace("target: 30 %", "target: 40 %")
    over_uni = text.replace("uniswap:\n", "uniswap:\n    hubs: [WETH, UNI]\n")
    policy, targets = module_policy(read_settings(written(tmp_path, over_uni), {}), ROUTER)
    assert (policy.hubs, targets) == ((UNI,), (600_000, 400_000))
    said = refusal(tmp_path, "window: 1 d", "hubs: []", over_uni)
    assert "venues.uniswap.hubs[1]: expected a hub of the module, saw UNI, which has no target" in said


def test_module_policy__of_kind_safe__says_that_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="wallet.kind is safe, expected safe-module"):
        module_policy(read_settings(written(tmp_path), {}), ROUTER)


def test_settings__of_a_module_that_is_not_deployed_yet__can_be_read(tmp_path: Path) -> None:
    for line in ("  module:\n", ""):
        settings = read_settings(written(tmp_path, MODULAR.replace(f"  module: {MODULE}\n", line)), {})
        assert (settings.wallet.kind, settings.wallet.module) == ("safe-module", None)
        assert settings.module is not None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: safe", f"kind: safe\n  module: {MODULE}", "wallet.module: expected none with `wallet.kind: safe`"),
        ("target: 60 %", "target: 60 %\n    range: 0 % - 70 %", "tokens.WETH.range: expected none with"),
        ("target: 60 %", "target: 60 %\n    price_band: 1 USD - 2 USD", "tokens.WETH.price_band: expected none with"),
        ("tokens:", "module:\n  max_loss: 1 %\ntokens:", "module: expected none with `wallet.kind: safe`"),
    ],
)
def test_read_settings__of_kind_safe_with_a_policy__promises_nothing_that_nobody_holds(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(ConfigError) as error:
        read_settings(edited(tmp_path, old, new), {})
    assert said in str(error.value) and "see `safe-module`" in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("window: 1 d", "window: 59 min", "module.window: expected 1 h to 90 d"),
        ("window: 1 d", "window: 91 d", "module.window: expected 1 h to 90 d"),
        ("window: 1 d", "max_turnover: 0 %", "module.max_turnover: expected more than zero"),
        ("window: 1 d", "max_turnover: 101 %", "module.max_turnover: expected at most 100 %"),
        ("window: 1 d", "max_turnover: 0.3", "module.max_turnover: expected a percentage such as `30 %`"),
        ("window: 1 d", "max_turnover: 0.00001 %", "module.max_turnover: expected nothing finer than 0.0001 %"),
        ("window: 1 d", "max_loss: 10.1 %", "module.max_loss: expected at most 10 %"),
        ("window: 1 d", "max_shortfall: 5.1 %", "module.max_shortfall: expected at most 5 %"),
        ("window: 1 d", "tolerance: 0 %", "module.tolerance: expected more than zero"),
        ("window: 1 d", "tolerance: 2.1 %", "module.tolerance: expected at most 2 %"),
        ("window: 1 d", "min_trade: 0 USD", "module.min_trade: expected more than zero"),
        ("window: 1 d", "cooldown: 25 h", "module.cooldown: expected at most `module.window`"),
        ("window: 1 d", "cooldown: 10", "module.cooldown: expected a duration"),
        ("window: 1 d", "grace: 1 h", "module.sequencer: missing"),
        ("window: 1 d", f"sequencer: {BTC_USD}", "module.grace: missing"),
        ("window: 1 d", f"guardian: {OPERATOR}", "module.guardian: expected another account than `wallet.operator`"),
        ("window: 1 d", f"guardian: {SAFE}", "module.guardian: expected another account than the Safe"),
        ("window: 1 d", "guardian: me", "module.guardian: expected an address"),
        ("window: 1 d", "allow_opaque: maybe", "module.allow_opaque: expected true or false"),
        ("window: 1 d", "max_los: 1 %", "module.max_los: unknown key; did you mean `max_loss`?"),
        ("window: 1 d", "hubs: [USDC]", "module.hubs[0]: expected a token without a `target`"),
        ("window: 1 d", "hubs: [DOGE]", "module.hubs[0]: unknown token 'DOGE'"),
        (
            "window: 1 d",
            f"routes: [{{router: {WETH}, checker: {MODULE}}}]",
            "module.routes[0].router: expected a router",
        ),
        ("window: 1 d", f"routes: [{{router: {GUARDIAN}}}]", "module.routes[0].checker: missing"),
        ("module:\n  window: 1 d", "module: 7", "module: expected keys below it"),
        (f"module: {MODULE}", f"module: {SAFE}", "wallet.module: expected the address of the RebalanceModule"),
        ("target: 60 %", "target: 60.00001 %", "tokens.WETH.target: expected nothing finer than 0.0001 %"),
        (
            "target: 60 %",
            "target: 60 %\n    range: 61 % - 70 %",
            "tokens.WETH.range: expected a range around the target",
        ),
        (
            "target: 60 %",
            "target: 60 %\n    range: 59.76 % - 70 %",
            "tokens.WETH.range: expected at least `module.tolerance` between the target of WETH, 60 %",
        ),
        ("target: 60 %", "target: 60 %\n    range: 0 % - 60 %", "between the target of WETH, 60 %"),
        (
            "target: 60 %",
            "target: 60 %\n    range: 70 % - 50 %",
            "tokens.WETH.range: expected the smaller percentage first",
        ),
        ("target: 60 %", "target: 60 %\n    range: 70 %", "tokens.WETH.range: expected two percentages"),
        ("target: 60 %", "target: 60 %\n    price_band: 5 USD", "tokens.WETH.price_band: expected two prices"),
        ("target: 60 %", "target: 60 %\n    price_band: 5 USD - 5 USD", "expected the lower price first"),
        ("heartbeat: 1 d, margin: 10 min", "heartbeat: 7 d, margin: 10 min", "at most 7 d together"),
        ("decimals: 6", "decimals: 28", "tokens.USDC.decimals: expected at most 27"),
        ("heartbeat: 2 h", "heartbeat: 2 h, decimals: 19", "tokens.UNI.price: expected a feed of at most 18 decimals"),
    ],
)
def test_read_settings__of_a_policy_that_the_contract_would_not_take__says_so_earlier(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert said in refusal(tmp_path, old, new)


@pytest.mark.parametrize("text", ["59.75 % - 60.25 %", "0 % - 60.25 %", "59.75 % - 100 %"])
def test_read_settings__of_a_target_as_far_inside_its_range_as_the_tolerance__is_taken(
    tmp_path: Path, text: str
) -> None:
    settings = read_settings(written(tmp_path, MODULAR.replace("target: 60 %", f"target: 60 %\n    range: {text}")), {})
    assert settings.module is not None
    low, high = settings.module.assets[0].least, settings.module.assets[0].most
    assert low in (0, 597_500) and high in (602_500, 1_000_000)


def test_read_settings__of_an_asset_priced_by_a_pool__is_refused(tmp_path: Path) -> None:
    text = RIGHT.replace("kind: safe", "kind: safe-module")
    said = refusal(tmp_path, "chain:", "chain:", text)
    assert "tokens.UNI.price: expected `feed:` or `product:`, saw a `twap`" in said


def test_read_settings__of_a_range_without_a_target__is_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, "    target: 10 %\n", "    range: 0 % - 10 %\n")
    assert "tokens.UNI.range: expected none: UNI has no `target`" in said


def test_read_settings__of_more_tokens_than_a_module_holds__counts_them(tmp_path: Path) -> None:
    tokens = "".join(
        f"  T{n}:\n    address: 0x{n:040d}\n    decimals: 18\n    target: 0 %\n"
        f"    price: {{feed: {ETH_USD}, heartbeat: 1 h}}\n"
        for n in range(11, 21)
    )
    pools = "".join(f", v3 T{n}/WETH 0.3 %" for n in range(11, 21))
    text = MODULAR.replace("venues:", f"{tokens}venues:").replace("v3 UNI/WETH 0.3 %]", f"v3 UNI/WETH 0.3 %{pools}]")
    said = refusal(tmp_path, "chain:", "chain:", text)
    assert "tokens: expected at most 12 tokens with a `target`, as a module holds, saw 13" in said


def test_settings__of_two_files__differ_in_what_was_changed_only(tmp_path: Path) -> None:
    one = read_settings(written(tmp_path, MODULAR), {})
    other = read_settings(written(tmp_path, MODULAR.replace("window: 1 d", "max_loss: 1 %")), {})
    assert one.module is not None and other.module is not None
    assert other.module == replace(one.module, limits=replace(one.module.limits, max_loss=Ppm(10_000)))
