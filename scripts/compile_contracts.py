"""Compiles every deployable contract of contracts/ into rebalancer/artifacts/NAME.json.

A deployable contract is Pascal.vy; a snake.vy is a module that others import. With `--check` nothing is
written: the program lists the artifacts that differ from the sources and ends with 1.

    python scripts/compile_contracts.py [--check] [Name ...]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "contracts"
ARTIFACTS = ROOT / "rebalancer" / "artifacts"

COMPILER = "0.4.3"
EVM_VERSION = "cancun"
"""Pinned: the compiler's own default moves with its releases, and with it the bytecode."""


def deployable() -> list[Path]:
    """The sources that have an artifact, by name. Two of one name would overwrite each other."""
    found = sorted((path for path in SOURCES.rglob("*.vy") if path.stem[:1].isupper()), key=lambda path: path.stem)
    names = [path.stem for path in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise SystemExit(f"two contracts of one name: {', '.join(sorted(twice))}")
    return found


def compile_one(source: Path) -> str:
    """The artifact of `source`: JSON text, the same on every machine."""
    import vyper
    from vyper.compiler.input_bundle import FilesystemInputBundle
    from vyper.compiler.settings import Settings

    if vyper.__version__.split("+")[0] != COMPILER:
        raise SystemExit(f"vyper {vyper.__version__} is installed, expected {COMPILER}: pip install vyper=={COMPILER}")
    bundle = FilesystemInputBundle([SOURCES])
    out = vyper.compile_from_file_input(
        # Relative, so that no path of this machine gets into an error or the output.
        bundle.load_file(source.relative_to(SOURCES)),
        input_bundle=bundle,
        settings=Settings(evm_version=EVM_VERSION),
        output_formats=["abi", "bytecode", "bytecode_runtime"],
        # The metadata carries a digest of the comments too: a typing error mended would change the bytecode.
        no_bytecode_metadata=True,
    )
    artifact = {
        "abi": out["abi"],
        "bytecode": out["bytecode"],
        "runtime": out["bytecode_runtime"],
        "compiler": f"vyper {COMPILER}",
        "evm_version": EVM_VERSION,
    }
    return json.dumps(artifact, indent=1) + "\n"


def orphans(sources: list[Path]) -> list[str]:
    """Artifacts that have no source any more."""
    names = {path.stem for path in sources}
    return sorted(path.stem for path in ARTIFACTS.glob("*.json") if path.stem not in names)


def bring_up_to_date(source: Path, check: bool) -> str | None:
    """Writes or compares one artifact; what is wrong with it, or nothing."""
    from vyper.exceptions import VyperException

    path = ARTIFACTS / f"{source.stem}.json"
    try:
        text = compile_one(source)
    except VyperException as error:
        return f"{source.relative_to(ROOT)} does not compile: {error}"
    if not check:
        path.write_text(text)
    elif not path.is_file() or path.read_text() != text:
        return f"{source.stem}: artifact and source differ; run python scripts/compile_contracts.py"
    return None


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Compile contracts/ into rebalancer/artifacts/.")
    parser.add_argument("--check", action="store_true", help="compare only; end with 1 where something differs")
    parser.add_argument("names", nargs="*", help="only these contracts (default: all)")
    options = parser.parse_args(arguments)
    sources = deployable()
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    chosen = [path for path in sources if not options.names or path.stem in options.names]
    problems = [problem for path in chosen if (problem := bring_up_to_date(path, options.check)) is not None]
    problems += [f"{name}: artifact without a source; delete it" for name in orphans(sources)]
    unknown = set(options.names) - {path.stem for path in sources}
    problems += [f"{name}: no such contract in contracts/" for name in sorted(unknown)]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
