// Seal a file under a fresh key and give that key to the vaults: what inputs and models have in common.
import { base64, fromHex, hex, random, utf8ToBytes } from "./bytes.js";
import * as container from "./container.js";
import * as hpke from "./hpke.js";
import { commit, split } from "./shares.js";
import { depositKey, digest, signer } from "./typed.js";

// Seal a Blob, store it through the site, and split its key among the vaults, to which nothing is given yet.
export async function sealed(page, source, options = {}) {
  const dek = random(32);
  const [file, told] = await Promise.all([container.seal(source, dek, options), federation(page)]);
  const sha256 = hex(file.sha256);
  const stored = await page.send("/wallet/files", file.sealed);
  if (stored.sha256 !== sha256) throw new Error("The storage holds another file than was sent; nothing was signed.");
  const shares = split(dek, told.vaults.length, told.threshold);
  return { dek, sha256, shares, commitments: shares.map(commit), ...told };
}

// Refuse a key record that is not of this file, these shares and these vaults.
export function checkRecord(file, record) {
  const { fileSha256, commitments, t, vaults } = record.message;
  const known = file.vaults.every((vault, at) => !vault || vault.address === vaults[at]);
  const ours = fileSha256 === file.sha256 && `${commitments}` === `${file.commitments}`;
  if (!ours || !known || Number(t) !== file.threshold) {
    throw new Error("The site prepared the record of another key; nothing was signed.");
  }
}

// Give each vault its share, sealed to it under the record; `signed` is what the wallet signed.
export async function give(page, file, record, signed) {
  const parts = file.shares.map((share, at) => forVault(file.vaults[at], share, record));
  await page.send("/wallet/deposits", JSON.stringify({ ...signed, sealed: await Promise.all(parts) }));
}

// Return the threshold and the vaults, each with the X25519 key for which it signed.
async function federation(page) {
  const { threshold, broker, vaults } = await page.send("/wallet/vaults");
  const { chain } = document.body.dataset;
  const domain = { name: "Sealgrid", version: "1", chainId: chain, verifyingContract: broker };
  for (const vault of vaults) {
    if (vault && signer(depositKey(domain, vault.address, vault.key), vault.signature) !== vault.address) {
      throw new Error(`What answers for vault ${vault.address} does not hold that vault's key; nothing was signed.`);
    }
  }
  return { threshold, vaults };
}

async function forVault(vault, share, record) {
  if (!vault) return ""; // it does not answer; the others are enough, or the deposit says so
  const part = utf8ToBytes(JSON.stringify({ value: base64(share.value), blind: base64(share.blind) }));
  return base64(await hpke.seal(fromHex(vault.key), part, digest(record)));
}
