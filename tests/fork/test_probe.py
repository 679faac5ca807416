import time
import pytest

@pytest.fixture(scope="session")
def sess(accounts, chain):
    a=accounts[0]
    chain.provider.make_request("evm_mine", [])
    return chain.blocks.head.number

def test_a(accounts, chain, sess):
    print(chain.provider.uri, chain.provider.chain_id, accounts[0].balance, accounts[0].address, accounts[0].nonce, len(chain.provider.get_code(accounts[0].address)))
    print("head", chain.blocks.head.number, chain.blocks.head.timestamp-time.time(), chain.blocks.head.base_fee)
    chain.provider.make_request("evm_increaseTime", [500])
    chain.provider.make_request("evm_mine", [])
    print("head", chain.blocks.head.number, chain.blocks.head.timestamp-time.time(), sess)

def test_b(accounts, chain, sess):
    print("head", chain.blocks.head.number, chain.blocks.head.timestamp-time.time(), sess)
    chain.provider.make_request("evm_mine", [])
    print("head", chain.blocks.head.number, chain.blocks.head.timestamp-time.time(), chain.blocks.head.base_fee)
    print(chain.provider.make_request("anvil_nodeInfo", []))
    print(chain.provider.make_request("eth_accounts", []))

def test_c(project):
    t=time.time()
    print(project.contracts.keys() if hasattr(project,"contracts") else None)
    print(project.MockUsdt, time.time()-t)
