// Seals a file under a fresh key, stores it, and deposits key shares with the vaults: for inputs and models alike.
import { base64, fromHex, hex, randomBytes, utf8ToBytes } from "./bytes.js";
import * as container from "./container.js";
import * as hpke from "./hpke.js";
import { commit, split } from "./shares.js";
import { depositKeyStatement, digest, recoverSigner } from "./typed_data.js";

// Seal a Blob, store it through the site, and split its key. Nothing is deposited yet.
export async function sealFile(page, source, options = {}) {
  const dek = randomBytes(32);
  const [file, federation] = await Promise.all([container.seal(source, dek, options), readFederation(page)]);
  const sha256 = hex(file.sha256);
  const stored = await page.sendRequest("/wallet/files", file.sealed);
  if (stored.sha256 !== sha256) throw new Error("The storage returned a different file digest; nothing was signed.");
  const shares = split(dek, federation.vaults.length, federation.threshold);
  return { dek, sha256, shares, commitments: shares.map(commit), ...federation };
}

// Throw unless a key record names this file, these shares and these vaults.
export function checkRecord(file, record) {
  const { fileSha256, commitments, t, vaults } = record.message;
  const sameVaults = file.vaults.every((vault, index) => !vault || vault.address === vaults[index]);
  const sameFile = fileSha256 === file.sha256 && `${commitments}` === `${file.commitments}`;
  if (!sameFile || !sameVaults || Number(t) !== file.threshold) {
    throw new Error("The site prepared a record of a different key; nothing was signed.");
  }
}

// Send each vault its share, sealed to the vault with the record as context; `statements` are what the wallet signed.
export async function depositKey(page, file, record, statements) {
  const sealed = await Promise.all(file.shares.map((share, index) => sealShare(file.vaults[index], share, record)));
  await page.sendRequest("/wallet/deposits", JSON.stringify({ ...statements, sealed }));
}

// Return the threshold and the vaults, each with the X25519 key that it signed.
async function readFederation(page) {
  const { threshold, broker, vaults } = await page.sendRequest("/wallet/vaults");
  const { chain } = document.body.dataset;
  const domain = { name: "Sealgrid", version: "1", chainId: chain, verifyingContract: broker };
  for (const vault of vaults) {
    if (!vault) continue;
    const statement = depositKeyStatement(domain, vault.address, vault.key);
    if (recoverSigner(statement, vault.signature) !== vault.address) {
      throw new Error(`The service at vault ${vault.address} does not hold that vault's key; nothing was signed.`);
    }
  }
  return { threshold, vaults };
}

async function sealShare(vault, share, record) {
  if (!vault) return ""; // unreachable; the site refuses the deposit if too few vaults are left
  const part = utf8ToBytes(JSON.stringify({ value: base64(share.value), blind: base64(share.blind) }));
  return base64(await hpke.seal(fromHex(vault.key), part, digest(record)));
}
