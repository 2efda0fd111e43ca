"""A browser wallet for tests (EIP-6963, EIP-1193) that signs with a development key."""

import json
from typing import Any

import httpx
from eth_account import Account
from eth_account.messages import encode_typed_data
from playwright.sync_api import BrowserContext, expect
from visitor import Visitor

from sealgrid.chain.accounts import development_key
from sealgrid.crypto.signing import SigningKey
from sealgrid.sdk.network import Network

NAME = "Pocket"
_ANNOUNCE_SCRIPT = """
(() => {
  const request = async ({ method, params }) => {
    const { result, error } = JSON.parse(await window.pocketRequest(method, JSON.stringify(params ?? [])));
    if (error) throw Object.assign(new Error(error.message), { code: error.code });
    return result;
  };
  const detail = Object.freeze({
    info: { uuid: "6f3c1a52-0000-4000-8000-000000000001", name: "Pocket", icon: "data:,", rdns: "example.pocket" },
    provider: { request },
  });
  const announce = () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
})();
"""


class BrowserWallet:
    """Signs every request of a context's pages, or rejects the next one; records the methods of signing requests."""

    def __init__(self, network: Network, key: SigningKey) -> None:
        self.network, self._account = network, Account.from_key(key.secret)
        self.requests: list[str] = []
        self.reject_next = False

    def install(self, context: BrowserContext) -> None:
        context.expose_function("pocketRequest", self._answer)
        context.add_init_script(_ANNOUNCE_SCRIPT)

    def _answer(self, method: str, params: str) -> str:
        if method in ("eth_sendTransaction", "eth_signTypedData_v4"):
            self.requests.append(method)
            if self.reject_next:
                self.reject_next = False
                return json.dumps({"error": {"code": 4001, "message": "User rejected the request."}})
        try:
            return json.dumps({"result": self._handle(method, json.loads(params))})
        except RuntimeError as error:
            return json.dumps({"error": {"code": -32603, "message": str(error)}})

    def _handle(self, method: str, params: list[Any]) -> Any:
        if method in ("eth_requestAccounts", "eth_accounts"):
            return [self._account.address]
        if method == "eth_signTypedData_v4":
            signable = encode_typed_data(full_message=json.loads(params[1]))
            return "0x" + bytes(self._account.sign_message(signable).signature).hex()
        if method == "eth_sendTransaction":
            return self._send_transaction(params[0])
        return self._rpc(method, params)

    def _send_transaction(self, call: dict[str, str]) -> str:
        base = int(self._rpc("eth_getBlockByNumber", ["latest", False])["baseFeePerGas"], 16)
        signed = self._account.sign_transaction(
            {
                "chainId": self.network.chain,
                "data": call["data"],
                "value": 0,
                "nonce": int(self._rpc("eth_getTransactionCount", [self._account.address, "pending"]), 16),
                "gas": int(self._rpc("eth_estimateGas", [call]), 16) * 2,
                "maxFeePerGas": 2 * base + 10**9,
                "maxPriorityFeePerGas": 10**9,
                **({"to": self._rpc_address(call["to"])} if "to" in call else {}),
            }
        )
        return str(self._rpc("eth_sendRawTransaction", ["0x" + bytes(signed.raw_transaction).hex()]))

    def _rpc_address(self, address: str) -> bytes:
        return bytes.fromhex(address[2:])

    def _rpc(self, method: str, params: list[Any]) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        reply = httpx.post(self.network.rpc_url, json=body, timeout=30).json()
        if "error" in reply:
            raise RuntimeError(reply["error"]["message"])
        return reply["result"]


def connect_wallet(visitor: Visitor, account: str | SigningKey = "owner") -> BrowserWallet:
    """Connect a wallet with a key, or with the key of a development account; the site itself does not use the key."""
    key = development_key(account) if isinstance(account, str) else account
    wallet = BrowserWallet(visitor.site.network.network, key)
    wallet.install(visitor.context)
    page = visitor.open("/account")
    page.get_by_role("button", name=f"Connect {NAME}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your wallet")
    return wallet
