// External wallets (EIP-6963 discovery, EIP-1193 requests): this script passes each step to the wallet, which signs it.
"use strict";

(() => {
  const { wallet, chain, network, rpc } = document.body.dataset;
  const STORAGE_KEY = "sealgrid-wallet"; // reverse domain name of the connected wallet
  const USER_REJECTED = 4001; // EIP-1193
  const UNKNOWN_CHAIN = 4902; // EIP-3085
  const wallets = new Map();

  window.addEventListener("eip6963:announceProvider", (event) => {
    wallets.set(event.detail.info.uuid, event.detail);
    listWallets();
  });
  window.dispatchEvent(new Event("eip6963:requestProvider"));

  function listWallets() {
    const list = document.getElementById("wallets");
    if (!list) return;
    const buttons = [...wallets.values()].map((announced) => {
      const button = document.createElement("button");
      button.textContent = `Connect ${announced.info.name}`;
      button.addEventListener("click", () => connect(announced));
      return button;
    });
    list.replaceChildren(...buttons);
  }

  async function connect({ info, provider }) {
    const status = document.getElementById("wallet-status");
    try {
      status.textContent = "Look at your wallet …";
      const [address] = await provider.request({ method: "eth_requestAccounts" });
      await switchChain(provider);
      await sendRequest("/wallet", new URLSearchParams({ address }));
      localStorage.setItem(STORAGE_KEY, info.rdns);
      window.location.assign("/account");
    } catch (error) {
      status.textContent = errorMessage(error);
    }
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!wallet || !("wallet" in form.dataset) || event.defaultPrevented) return;
    event.preventDefault();
    submit(form).catch((error) => showError(form, error));
  });

  // What the modules below get: they are loaded only where a page seals or opens.
  const PAGE = { connectedProvider, signTypedData, sendRequest, fetchBytes, runSteps, completePlan, showStatus };

  async function submit(form) {
    if (form.dataset.flow === "buy-run") return (await import("./buy_run.js")).buyRun(form, PAGE);
    if (form.dataset.flow === "publish-model") return (await import("./publish_model.js")).publishModel(form, PAGE);
    const provider = await connectedProvider();
    const plan = await sendRequest(new URL(form.action).pathname, new URLSearchParams(new FormData(form)));
    return completePlan(form, provider, plan);
  }

  async function fillKeyElements() {
    const target = document.querySelector("[data-result], [data-model-key]");
    if (!target || "started" in target.dataset) return;
    target.dataset.started = "";
    if (target.dataset.result) await (await import("./open_result.js")).showResult(target, PAGE);
    else target.append((await import("./key_store.js")).downloadLink("model", target.dataset.modelKey) ?? "");
  }

  document.addEventListener("DOMContentLoaded", fillKeyElements);
  document.addEventListener("htmx:load", fillKeyElements);

  async function completePlan(form, provider, plan) {
    await runSteps(form, provider, plan.steps);
    await sendRequest("/wallet/done", JSON.stringify({ next: plan.next, notice: plan.notice }));
    window.location.assign(plan.next);
  }

  async function runSteps(form, provider, steps) {
    for (const [index, step] of steps.entries()) {
      showStatus(form, `${step.label} (${index + 1} of ${steps.length}): look at your wallet …`);
      await ACTIONS[step.action](provider, step);
    }
  }

  const ACTIONS = {
    async send(provider, step) {
      const hash = await provider.request({ method: "eth_sendTransaction", params: [step.transaction] });
      const receipt = await waitForReceipt(provider, hash);
      if (step.creates && receipt.contractAddress?.toLowerCase() !== step.creates) {
        throw new Error("Your wallet sent another transaction before this one; nothing more was done. Try again.");
      }
    },
    async offer(provider, step) {
      const sign = await signTypedData(provider, step.typed);
      const challenge = await sendRequest("/wallet/challenge", new URLSearchParams());
      const signature = await signTypedData(provider, challenge.typed);
      const order = { ...step.order, sign };
      const body = { kind: step.kind, order, sentence: challenge.sentence, signature };
      await sendRequest("/wallet/orders", JSON.stringify(body));
    },
    async policy(provider, step) {
      const signature = await signTypedData(provider, step.typed);
      await sendRequest("/wallet/policies", JSON.stringify({ policy: step.policy, signature }));
    },
    async removal(provider, step) {
      const signature = await signTypedData(provider, step.typed);
      await sendRequest("/wallet/removals", JSON.stringify({ removal: step.removal, signature }));
    },
  };

  async function connectedProvider() {
    const rdns = localStorage.getItem(STORAGE_KEY);
    const provider = [...wallets.values()].find((announced) => announced.info.rdns === rdns)?.provider;
    if (!provider) throw new Error("Your wallet does not answer; connect it again on the account page.");
    await switchChain(provider);
    const accounts = await provider.request({ method: "eth_accounts" });
    if (!accounts.some((account) => account.toLowerCase() === wallet)) {
      throw new Error(`Your wallet uses another account; switch it to ${wallet}.`);
    }
    return provider;
  }

  async function switchChain(provider) {
    const chainId = `0x${Number(chain).toString(16)}`;
    if ((await provider.request({ method: "eth_chainId" })) === chainId) return;
    try {
      await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId }] });
    } catch (error) {
      if (error.code !== UNKNOWN_CHAIN) throw error;
      const nativeCurrency = { name: "Ether", symbol: "ETH", decimals: 18 };
      const parameters = { chainId, chainName: `Sealgrid ${network}`, rpcUrls: [rpc], nativeCurrency };
      await provider.request({ method: "wallet_addEthereumChain", params: [parameters] });
    }
  }

  function signTypedData(provider, typed) {
    return provider.request({ method: "eth_signTypedData_v4", params: [wallet, JSON.stringify(typed)] });
  }

  async function waitForReceipt(provider, hash) {
    for (let attempt = 0; attempt < 600; attempt += 1) {
      const receipt = await provider.request({ method: "eth_getTransactionReceipt", params: [hash] });
      if (receipt && receipt.status !== "0x1") {
        throw new Error("The transaction failed on the chain and had no effect; nothing more was done.");
      }
      if (receipt) return receipt;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    throw new Error(
      `The transaction ${hash} is not on the chain yet, and may still be included; nothing more was done. Look for it in your wallet.`,
    );
  }

  async function fetchBytes(path) {
    const response = await fetch(path, { headers: { "x-sealgrid-wallet": "1" } });
    if (!response.ok) throw new Error((await response.json()).message);
    return response.arrayBuffer();
  }

  async function sendRequest(path, body) {
    const headers = { "x-sealgrid-wallet": "1" };
    if (typeof body === "string") headers["content-type"] = "application/json";
    const response = await fetch(path, { method: body === undefined ? "GET" : "POST", headers, body });
    if (response.status === 204) return null;
    const reply = await response.json();
    if (!response.ok) throw new Error(reply.message);
    return reply;
  }

  function showError(form, error) {
    showStatus(form, errorMessage(error));
    const button = form.querySelector("button");
    button.disabled = false;
    if (button.dataset.label) button.textContent = button.dataset.label;
  }

  function showStatus(form, text) {
    let status = form.querySelector(".status");
    if (!status) {
      status = document.createElement("p");
      status.className = "status";
      status.setAttribute("role", "status");
      form.append(status);
    }
    status.textContent = text;
  }

  function errorMessage(error) {
    if (error.code === USER_REJECTED) {
      return "You rejected this step in your wallet. Earlier steps keep their effect; nothing more was done.";
    }
    return error.message || "Your wallet reported an error; nothing more was done. Try again.";
  }
})();
