"""The process behind a replica: it comes up quickly or says why not, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.replica.anvil import Anvil
from rebalancer.replica.chain import BASE_FEE, BLOCK_GAS, Replica

ROOT = Path(__file__).resolve().parents[2]


def _run_python(program: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment)


def _alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_start__on_an_idle_machine__is_ready_within_five_seconds() -> None:
    began = time.monotonic()
    with Replica.start():
        assert time.monotonic() - began < 5


def test_start__of_a_replica__begins_now_with_mainnets_limits() -> None:
    with Replica.start() as replica:
        block = replica.rpc.call("eth_getBlockByNumber", "latest", False)
        assert abs(int(block["timestamp"], 16) - time.time()) <= 3
        assert int(block["gasLimit"], 16) == BLOCK_GAS
        assert int(block["baseFeePerGas"], 16) == BASE_FEE


def test_start__with_a_port__listens_there() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Replica.start(port=port) as replica:
        assert replica.url == f"http://127.0.0.1:{port}"


def test_start__on_a_taken_port__says_so() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} is taken"):
            Replica.start(port=port)


def test_start__of_an_anvil_that_ends_at_once__repeats_what_it_said() -> None:
    with pytest.raises(ConfigError, match=r"anvil ended with \d+ .*--no-such-option"):
        Anvil(None, ["--no-such-option"])


def test_start__of_an_anvil_that_does_not_answer_in_time__says_how_long_it_waited() -> None:
    with pytest.raises(ConfigError, match=r"did not answer on port \d+ within 0 s"):
        Anvil(None, [], timeout=0)


def test_start__with_block_time__mines_by_the_clock() -> None:
    with Replica.start(block_time=1) as replica:
        first = int(replica.rpc.call("eth_blockNumber"), 16)
        receipt = replica.send(replica.actor("owner").address, replica.actor("operator").address, value=1)
        assert receipt["status"] == "0x1"
        time.sleep(1.2)
        assert int(replica.rpc.call("eth_blockNumber"), 16) > first


def test_close__twice__is_no_error_and_leaves_no_process_and_no_file() -> None:
    replica = Replica.start()
    folder = Path(replica._anvil._folder.name)
    assert folder.is_dir()
    replica.close()
    replica.close()
    assert not folder.exists()
    assert not _alive(replica.pid)


def test_kill__of_anvil__makes_calls_unavailable_and_close_clean() -> None:
    replica = Replica.start()
    folder = Path(replica._anvil._folder.name)
    os.kill(replica.pid, signal.SIGKILL)
    replica._anvil.process.wait(5)
    with pytest.raises(Unavailable, match="no connection"):
        replica.now()
    replica.close()
    assert not folder.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_kill__of_the_starter__ends_anvil_too() -> None:
    program = (
        "from rebalancer.replica.chain import Replica; import time; "
        "print(Replica.start().pid, flush=True); time.sleep(60)"
    )
    with _run_python(program) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        assert _alive(pid)
        starter.kill()
        starter.wait(5)
        give_up = time.monotonic() + 5
        while _alive(pid) and time.monotonic() < give_up:
            time.sleep(0.05)
        assert not _alive(pid)


def test_import__of_the_replica__does_not_import_ape_or_web3() -> None:
    program = (
        "import sys; from rebalancer.replica.chain import Replica; from rebalancer.replica.bytecode import *; "
        "multicall3_runtime(); print(sorted({m.split('.')[0] for m in sys.modules} & {'ape', 'ape_ethereum', 'web3'}))"
    )
    with _run_python(program) as done:
        assert done.stdout is not None
        assert done.stdout.read().strip() == "[]"
