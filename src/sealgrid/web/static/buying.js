// Buy a run with a wallet of one's own: the input is sealed here, and the keys that are made here stay here.
import { packed } from "./archive.js";
import { base64, fromHex, hex, random, utf8ToBytes } from "./bytes.js";
import * as container from "./container.js";
import * as hpke from "./hpke.js";
import { keep } from "./kept.js";
import { commit, split } from "./shares.js";
import { depositKey, digest, signer } from "./typed.js";
import { words } from "./words.js";

// `page` signs with the wallet and speaks to this site (wallet.js).
export async function buy(form, page) {
  const provider = await page.connected();
  const said = new FormData(form);
  page.say(form, "Sealing your input in this browser …");
  const archive = await packed(words(said.get("args")), said.getAll("files").filter((file) => file.name));
  const [input, vaults, resultKey] = await Promise.all([sealed(archive), federation(page), hpke.keyPair()]);
  page.say(form, "Storing the sealed input …");
  await stored(page, input);
  const run = await prepared(page, said, { input, vaults, resultKey });
  const ask = async (what, typed, number) => {
    page.say(form, `Signing ${what} (${number} of 4): look at your wallet …`);
    return page.signed(provider, typed);
  };
  const signature = await ask("which vaults hold the input's key", run.typed.record, 1);
  const grantSignature = await ask("that this app may read the input", run.typed.grant, 2);
  const sign = await ask(`the request, ${run.price} in all`, run.typed.request, 3);
  page.say(form, "Giving the vaults their shares of the input's key …");
  const shares = await Promise.all(input.shares.map((share, at) => forVault(vaults.vaults[at], share, run.typed.record)));
  const deposit = { record: run.record, signature, grant: run.grant, grant_signature: grantSignature, sealed: shares };
  await page.send("/wallet/deposits", JSON.stringify(deposit));
  const orders = run.kept.orders.with(3, { ...run.kept.orders[3], sign });
  keep({ ...run.kept, orders }, resultKey.secret);
  page.say(form, "Buying the run (4 of 4): look at your wallet …");
  const plan = await page.send("/wallet/runs/match", JSON.stringify({ task: run.kept.task, orders }));
  await page.follow(form, provider, plan);
}

async function sealed(archive) {
  const dek = random(32);
  return { dek, ...await container.seal(new Blob([archive]), dek) };
}

// Return the vaults, each with the X25519 key for which it signed.
async function federation(page) {
  const told = await page.send("/wallet/vaults");
  const { chain } = document.body.dataset;
  const domain = { name: "Sealgrid", version: "1", chainId: chain, verifyingContract: told.broker };
  for (const vault of told.vaults) {
    if (vault && signer(depositKey(domain, vault.address, vault.key), vault.signature) !== vault.address) {
      throw new Error(`What answers for vault ${vault.address} does not hold that vault's key; nothing was bought.`);
    }
  }
  return told;
}

async function stored(page, input) {
  const { sha256 } = await page.send("/wallet/files", input.sealed);
  if (sha256 !== hex(input.sha256)) throw new Error("The storage holds another file than was sent; nothing was bought.");
}

// Return what the wallet is to sign, after a look whether it is about this input, these shares and this key.
async function prepared(page, said, { input, vaults, resultKey }) {
  input.shares = split(input.dek, vaults.vaults.length, vaults.threshold);
  const commitments = input.shares.map(commit);
  const wanted = { app: said.get("app"), sha256: hex(input.sha256), commitments, result_key: hex(resultKey.public) };
  if (said.get("model")) wanted.model = said.get("model");
  const run = await page.send("/wallet/runs", JSON.stringify(wanted));
  const { record, grant, request } = run.typed;
  const params = JSON.parse(request.message.params).sealgrid;
  const ours = [
    record.message.fileSha256 === wanted.sha256, `${record.message.commitments}` === `${commitments}`,
    Number(record.message.t) === vaults.threshold, grant.message.fileSha256 === wanted.sha256,
    grant.message.request === hex(digest(request)), request.message.app === wanted.app,
    request.message.dataset === (wanted.model ?? `0x${"0".repeat(40)}`), request.message.volume === "1",
    params.result_key === wanted.result_key, `${params.inputs}` === wanted.sha256,
  ];
  if (!ours.every(Boolean)) throw new Error("The site prepared something else than this run; nothing was signed.");
  return run;
}

async function forVault(vault, share, record) {
  if (!vault) return ""; // it does not answer; the others are enough, or the deposit says so
  const part = utf8ToBytes(JSON.stringify({ value: base64(share.value), blind: base64(share.blind) }));
  return base64(await hpke.seal(fromHex(vault.key), part, digest(record)));
}
