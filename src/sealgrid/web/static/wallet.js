// A visitor's own wallet (EIP-6963, EIP-1193). It alone signs; this script carries to it what is to be signed.
"use strict";

(() => {
  const { wallet, chain, network, rpc } = document.body.dataset;
  const KEPT = "sealgrid-wallet"; // which wallet was connected, by the name that it gives itself
  const found = new Map();

  window.addEventListener("eip6963:announceProvider", (event) => {
    found.set(event.detail.info.uuid, event.detail);
    offer();
  });
  window.dispatchEvent(new Event("eip6963:requestProvider"));

  function offer() {
    const place = document.getElementById("wallets");
    if (!place) return;
    place.replaceChildren(...[...found.values()].map((each) => {
      const button = document.createElement("button");
      button.textContent = `Connect ${each.info.name}`;
      button.addEventListener("click", () => connect(each));
      return button;
    }));
  }

  async function connect(chosen) {
    const says = document.getElementById("wallet-says");
    try {
      says.textContent = "Look at your wallet …";
      const [address] = await chosen.provider.request({ method: "eth_requestAccounts" });
      await onThisChain(chosen.provider);
      await send("/wallet", new URLSearchParams({ address }));
      localStorage.setItem(KEPT, chosen.info.rdns);
      window.location.assign("/account");
    } catch (error) {
      says.textContent = sentence(error);
    }
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!wallet || !("wallet" in form.dataset) || event.defaultPrevented) return;
    event.preventDefault();
    work(form).catch((error) => stopped(form, error));
  });

  // Sealing and opening need more than this file: it is loaded where it is used.
  const PAGE = { connected, signed, send, fetched, does, follow, say };

  async function work(form) {
    if (form.dataset.sealed === "run") return (await import("./buying.js")).buy(form, PAGE);
    if (form.dataset.sealed === "model") return (await import("./publishing.js")).publish(form, PAGE);
    const provider = await connected();
    return follow(form, provider, await send(new URL(form.action).pathname, new URLSearchParams(new FormData(form))));
  }

  async function arrived() {
    const place = document.querySelector("[data-opens], [data-keeps]");
    if (!place || "begun" in place.dataset) return;
    place.dataset.begun = "";
    if (place.dataset.opens) await (await import("./opening.js")).openOn(place, PAGE);
    else place.append((await import("./kept.js")).copyOf("model", place.dataset.keeps) ?? "");
  }

  document.addEventListener("DOMContentLoaded", arrived);
  document.addEventListener("htmx:load", arrived);

  async function follow(form, provider, plan) {
    await does(form, provider, plan.steps);
    await send("/wallet/done", JSON.stringify({ next: plan.next, said: plan.said }));
    window.location.assign(plan.next);
  }

  async function does(form, provider, steps) {
    for (const [index, step] of steps.entries()) {
      say(form, `${step.say} (${index + 1} of ${steps.length}): look at your wallet …`);
      await STEPS[step.do](provider, step);
    }
  }

  const STEPS = {
    async send(provider, step) {
      const hash = await provider.request({ method: "eth_sendTransaction", params: [step.transaction] });
      const receipt = await mined(provider, hash);
      if (step.creates && receipt.contractAddress?.toLowerCase() !== step.creates) {
        throw new Error("Your wallet sent something else in between; nothing more was done. Try again.");
      }
    },
    async offer(provider, step) {
      const sign = await signed(provider, step.typed);
      const asked = await send("/wallet/challenge", new URLSearchParams());
      const signature = await signed(provider, asked.typed);
      const order = { ...step.order, sign };
      await send("/wallet/orders", JSON.stringify({ kind: step.kind, order, sentence: asked.sentence, signature }));
    },
    async policy(provider, step) {
      const signature = await signed(provider, step.typed);
      await send("/wallet/policies", JSON.stringify({ policy: step.policy, signature }));
    },
  };

  async function connected() {
    const all = [...found.values()];
    const chosen = all.find((each) => each.info.rdns === localStorage.getItem(KEPT));
    if (!chosen) throw new Error("Your wallet does not answer; connect it again on the account page.");
    await onThisChain(chosen.provider);
    const accounts = await chosen.provider.request({ method: "eth_accounts" });
    if (!accounts.some((each) => each.toLowerCase() === wallet)) {
      throw new Error(`Your wallet shows another account; switch it to ${wallet}.`);
    }
    return chosen.provider;
  }

  async function onThisChain(provider) {
    const chainId = `0x${Number(chain).toString(16)}`;
    if ((await provider.request({ method: "eth_chainId" })) === chainId) return;
    try {
      await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId }] });
    } catch (error) {
      if (error.code !== 4902) throw error; // 4902: the wallet does not know this chain yet
      const nativeCurrency = { name: "Ether", symbol: "ETH", decimals: 18 };
      const known = { chainId, chainName: `Sealgrid ${network}`, rpcUrls: [rpc], nativeCurrency };
      await provider.request({ method: "wallet_addEthereumChain", params: [known] });
    }
  }

  function signed(provider, typed) {
    return provider.request({ method: "eth_signTypedData_v4", params: [wallet, JSON.stringify(typed)] });
  }

  async function mined(provider, hash) {
    for (let look = 0; look < 600; look += 1) {
      const receipt = await provider.request({ method: "eth_getTransactionReceipt", params: [hash] });
      if (receipt && receipt.status !== "0x1") throw new Error("The chain refused the transaction; nothing more was done.");
      if (receipt) return receipt;
      await new Promise((wake) => setTimeout(wake, 300));
    }
    throw new Error(`The transaction ${hash} is still not on the chain; nothing more was done.`);
  }

  async function fetched(path) {
    const answer = await fetch(path, { headers: { "x-sealgrid-wallet": "1" } });
    if (!answer.ok) throw new Error((await answer.json()).said);
    return answer.arrayBuffer();
  }

  async function send(path, body) {
    const headers = { "x-sealgrid-wallet": "1" };
    if (typeof body === "string") headers["content-type"] = "application/json";
    const answer = await fetch(path, { method: body === undefined ? "GET" : "POST", headers, body });
    if (answer.status === 204) return null;
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.said);
    return told;
  }

  function stopped(form, error) {
    say(form, sentence(error));
    const button = form.querySelector("button");
    button.disabled = false;
    if (button.dataset.words) button.textContent = button.dataset.words;
  }

  function say(form, text) {
    let place = form.querySelector(".says");
    if (!place) {
      place = document.createElement("p");
      place.className = "says";
      place.setAttribute("role", "status");
      form.append(place);
    }
    place.textContent = text;
  }

  function sentence(error) {
    if (error.code === 4001) return "You said no in your wallet. What was done before stands; nothing more was done.";
    return error.message || "Your wallet failed; nothing more was done.";
  }
})();
