"""Where the bytecode comes from: contracts of other people out of npm and Python packages, our own mocks
out of rebalancer/artifacts. A name goes in, code as 0x-hex comes out; what is missing is a `ConfigError`.
"""

from __future__ import annotations

import ast
import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rebalancer.adapters.chain.artifacts import creation_code
from rebalancer.core.errors import ConfigError

PACKAGE = Path(__file__).resolve().parent.parent

SAFE_BUILD = "@safe-global/safe-contracts/build/artifacts/contracts"
SAFE_130 = "@gnosis.pm/safe-contracts/build/artifacts/contracts"
SAFE_150 = "@safe-global/safe-smart-account/build/artifacts/contracts"
HANDLER = "handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler.json"
V3_PERIPHERY = "@uniswap/v3-periphery/artifacts/contracts"
ROUTERS = "@uniswap/swap-router-contracts/artifacts/contracts"
COW = "@cowprotocol/contracts/deployments/mainnet"

NPM = {
    "WETH9": "canonical-weth/build/contracts/WETH9.json",
    "UniswapV2Factory": "@uniswap/v2-core/build/UniswapV2Factory.json",
    "UniswapV3Factory": "@uniswap/v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json",
    "NonfungiblePositionManager": f"{V3_PERIPHERY}/NonfungiblePositionManager.sol/NonfungiblePositionManager.json",
    "TickLens": f"{V3_PERIPHERY}/lens/TickLens.sol/TickLens.json",
    "QuoterV2": f"{V3_PERIPHERY}/lens/QuoterV2.sol/QuoterV2.json",
    "SwapRouter02": f"{ROUTERS}/SwapRouter02.sol/SwapRouter02.json",
    "EACAggregatorProxy": "@chainlink/contracts/abi/v0.6/EACAggregatorProxy.json",
    "Safe": f"{SAFE_BUILD}/Safe.sol/Safe.json",
    "SafeL2": f"{SAFE_BUILD}/SafeL2.sol/SafeL2.json",
    "SafeProxyFactory": f"{SAFE_BUILD}/proxies/SafeProxyFactory.sol/SafeProxyFactory.json",
    "CompatibilityFallbackHandler": f"{SAFE_BUILD}/{HANDLER}",
    "MultiSend": f"{SAFE_BUILD}/libraries/MultiSend.sol/MultiSend.json",
    "MultiSendCallOnly": f"{SAFE_BUILD}/libraries/MultiSendCallOnly.sol/MultiSendCallOnly.json",
    "Safe 1.3.0": f"{SAFE_130}/GnosisSafe.sol/GnosisSafe.json",
    "SafeProxyFactory 1.3.0": f"{SAFE_130}/proxies/GnosisSafeProxyFactory.sol/GnosisSafeProxyFactory.json",
    "CompatibilityFallbackHandler 1.3.0": f"{SAFE_130}/{HANDLER}",
    "Safe 1.5.0": f"{SAFE_150}/Safe.sol/Safe.json",
    "SafeProxyFactory 1.5.0": f"{SAFE_150}/proxies/SafeProxyFactory.sol/SafeProxyFactory.json",
    "CompatibilityFallbackHandler 1.5.0": f"{SAFE_150}/{HANDLER}",
    "GPv2AllowListAuthentication": f"{COW}/GPv2AllowListAuthentication_Implementation.json",
    "EIP173Proxy": f"{COW}/GPv2AllowListAuthentication_Proxy.json",
    "GPv2Settlement": f"{COW}/GPv2Settlement.json",
}


def node_modules() -> Path:
    """The folder of npm packages: beside the package's source, else where the command is run."""
    for root in (PACKAGE.parent, Path.cwd()):
        if (root / "node_modules").is_dir():
            return root / "node_modules"
    raise ConfigError("the replica needs the npm packages of package.json: no node_modules found; run `npm ci`")


@cache
def npm_init_code(name: str) -> str:
    """Creation code of a real contract, without constructor arguments."""
    path = node_modules() / NPM[name]
    if not path.is_file():
        raise ConfigError(f"the replica needs {NPM[name]}: not found in {node_modules()}; run `npm ci`")
    return _with_prefix(_bytecode(json.loads(path.read_bytes())))


@cache
def mock_init_code(name: str) -> str:
    """Creation code of one of our own contracts, without constructor arguments."""
    return "0x" + creation_code(name).hex()


@cache
def multicall3_runtime() -> str:
    """Multicall3's deployed code: a constant of the development package eth-ape.

    The file is parsed, never run: importing it would start ape, which takes a second.
    """
    spec = find_spec("ape_ethereum")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError("the replica takes Multicall3's code from eth-ape: not installed; install the extra `dev`")
    path = Path(spec.submodule_search_locations[0]) / "multicall" / "constants.py"
    for node in ast.parse(path.read_text()).body:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        if ast.unparse(node.targets[0]) == "MULTICALL3_CODE":
            return _with_prefix(ast.literal_eval(node.value.args[0]))
    raise ConfigError(f"MULTICALL3_CODE is not in {path.name} of this eth-ape: install the pinned version")


def _bytecode(artifact: dict[str, Any]) -> str:
    # Chainlink's files nest the compiler's output; the others have the code at the top.
    nested = artifact.get("compilerOutput", {}).get("evm", {}).get("bytecode", {}).get("object")
    return str(nested or artifact["bytecode"])


def _with_prefix(code: str) -> str:
    return code if code.startswith("0x") else "0x" + code
