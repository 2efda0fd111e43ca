"""Each administrative method of anvil, tried through the chain's proxy: none is passed on, and the chain is the same."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import Anvil, AnvilConfig
from sealgrid.chain.node import Node
from sealgrid.chain.wallet import Wallet
from sealgrid.localnet.chain_proxy import METHOD_NOT_FOUND, METHODS, ChainProxyConfig, run
from sealgrid.wire.server import listen
from sealgrid.wire.service_access import ONE_MACHINE

STATE = (
    "addBalance autoImpersonateAccount dealERC20 dropAllTransactions dropTransaction dumpState "
    "getAutomine getIntervalMining impersonateAccount impersonateSignature increaseTime loadState metadata mine "
    "nodeInfo removeBlockTimestampInterval removePoolTransactions reorg reset revert rollback setAutomine setBalance "
    "setBlockGasLimit setBlockTimestampInterval setChainId setCode setCoinbase setERC20Allowance setIntervalMining "
    "setLoggingEnabled setMinGasPrice setNextBlockBaseFeePerGas setNextBlockTimestamp setNonce setRpcUrl setStorageAt "
    "setTime snapshot stopImpersonatingAccount"
)
ADMINISTRATION = {
    "anvil": STATE,
    "evm": "increaseTime mine mine_detailed revert setAccountNonce setAutomine setBlockGasLimit setIntervalMining "
    "setNextBlockTimestamp setTime snapshot",
    "hardhat": "dropTransaction getAutomine impersonateAccount metadata mine reset setBalance setCode setCoinbase "
    "setLoggingEnabled setMinGasPrice setNextBlockBaseFeePerGas setNonce setStorageAt "
    "stopImpersonatingAccount",
    "debug": "codeByHash dbGet getRawReceipts getRawTransaction setHead traceBlockByHash traceBlockByNumber traceCall "
    "traceTransaction",
    "trace": "block call callMany filter get rawTransaction replayTransaction transaction",
    "ots": "getApiLevel getBlockDetails hasCode searchTransactionsBefore traceTransaction",
    "erigon": "getHeaderByNumber",
    "personal": "ecRecover importRawKey listAccounts lockAccount newAccount sendTransaction sign unlockAccount",
    "txpool": "content contentFrom inspect status",
    "admin": "addPeer datadir exportChain importChain nodeInfo peers removePeer startHTTP stopHTTP",
    "miner": "setEtherbase setGasPrice start stop",
    "wallet": "getCapabilities sendTransaction",
    "engine": "forkchoiceUpdatedV3 newPayloadV3",
    "rpc": "modules",
    "eth": "accounts coinbase fillTransaction getFilterChanges getFilterLogs getWork hashrate mining newBlockFilter "
    "newFilter newPendingTransactionFilter sendRawTransactionSync sendTransaction sendTransactionSync "
    "sendUnsignedTransaction sign signTransaction signTypedData signTypedData_v3 signTypedData_v4 simulateV1 "
    "submitHashrate submitWork subscribe uninstallFilter unsubscribe",
}
NAMES = [f"{space}_{name}" for space, names in ADMINISTRATION.items() for name in names.split()]
VICTIM = development_key("owner").address


@dataclass(frozen=True)
class PublicChain:
    """Anvil with its proxy."""

    anvil: httpx.AsyncClient
    proxy: httpx.AsyncClient
    url: str

    async def call(self, method: str, *parameters: object) -> dict:
        request = {"jsonrpc": "2.0", "id": 7, "method": method, "params": parameters}
        return (await self.proxy.post("/", json=request)).json()

    async def state(self) -> object:
        """Return head, balance, nonce and clock, as anvil answers itself."""
        questions = (
            ("eth_blockNumber", []),
            ("eth_getBalance", [VICTIM, "latest"]),
            ("eth_getTransactionCount", [VICTIM, "pending"]),
            ("eth_accounts", []),
            ("eth_chainId", []),
        )
        calls = [{"jsonrpc": "2.0", "id": n, "method": m, "params": p} for n, (m, p) in enumerate(questions)]
        return [each["result"] for each in (await self.anvil.post("/", json=calls)).json()]


@pytest.fixture(scope="module")
async def chain(anvil_binary: Path) -> AsyncIterator[PublicChain]:
    async with await Anvil.start(AnvilConfig(binary=anvil_binary)) as anvil:
        sock, ready = listen(), asyncio.Event()
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        serving = asyncio.create_task(run(ChainProxyConfig(anvil.url, ONE_MACHINE), sock, ready.set))
        await ready.wait()
        async with httpx.AsyncClient(base_url=anvil.url) as direct, httpx.AsyncClient(base_url=url) as proxy:
            yield PublicChain(direct, proxy, url)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


@pytest.mark.parametrize("method", NAMES)
async def test_no_administrative_method_is_passed_on(chain: PublicChain, method: str):
    before = await chain.state()
    for parameters in ((), (VICTIM,), (VICTIM, "0x0"), ({"from": VICTIM, "to": VICTIM, "value": "0x1"},)):
        assert (await chain.call(method, *parameters))["error"]["code"] == METHOD_NOT_FOUND
        batch = [{"jsonrpc": "2.0", "id": n, "method": each} for n, each in enumerate(("eth_chainId", method))]
        replies = (await chain.proxy.post("/", json=batch)).json()
        assert [each.get("error", {}).get("code") for each in replies] == [None, METHOD_NOT_FOUND]
    assert await chain.state() == before


async def test_the_list_of_tried_methods_has_each_that_anvil_offers_in_these_name_spaces(chain: PublicChain):
    offered = []
    for method in (name for name in NAMES if name.partition("_")[0] in {"anvil", "evm", "hardhat"}):
        parameters = [{"no": "such parameter"}, 1, 2, 3]  # refused before anything is done
        reply = await chain.anvil.post("/", json={"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
        offered.append((method, reply.json()["error"]["code"]))
    assert [method for method, code in offered if code == METHOD_NOT_FOUND] == []


@pytest.mark.parametrize("method", sorted(METHODS))
async def test_each_listed_method_reaches_anvil(chain: PublicChain, method: str):
    assert (await chain.call(method)).get("error", {}).get("code") != METHOD_NOT_FOUND


async def test_no_path_or_http_method_reaches_anvil_otherwise(chain: PublicChain):
    request = {"jsonrpc": "2.0", "id": 1, "method": "anvil_setBalance", "params": [VICTIM, "0x0"]}
    for path in ("/anvil", "//", "/?a=/", "/%2e%2e/"):
        reply = await chain.proxy.post(path, json=request)
        assert reply.status_code == 404 or reply.json()["error"]["code"] == METHOD_NOT_FOUND
    for verb in ("GET", "PUT", "DELETE", "PATCH"):
        assert (await chain.proxy.request(verb, "/", json=request)).status_code in {404, 405}
    upgrade = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13", "sec-websocket-key": "a"}
    assert (await chain.proxy.get("/", headers=upgrade)).status_code >= 400


async def test_a_wallet_reads_and_sends_through_the_proxy(chain: PublicChain):
    async with Node(chain.url) as node:
        stranger = development_key("stranger").address
        before = int(await node.rpc("eth_getBalance", stranger, "latest"), 16)
        await Wallet(node, development_key("owner")).send(stranger, b"", value=5)
        assert int(await node.rpc("eth_getBalance", stranger, "latest"), 16) == before + 5
