// Open a paid result in this browser: its key is here, and what the app made is seen by nobody else.
import { unpacked } from "./archive.js";
import { fromBase64, fromHex, hex, lp, sha256, utf8ToBytes } from "./bytes.js";
import * as container from "./container.js";
import * as hpke from "./hpke.js";
import { copyOf, kept } from "./kept.js";
import { combine } from "./shares.js";
import { digest, signer } from "./typed.js";

const PICTURES = {
  png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp",
};
const MOST_SHOWN = 20_000; // characters of a text file on the page; the whole of it is a click away
const LOG = "app.log";
const FORMAL = ["computed.json", "sealgrid.json"]; // of iExec's convention and of ours, in every result

export async function openOn(place, page) {
  const task = place.dataset.opens;
  const job = kept("job", task);
  if (!job) return;
  place.replaceChildren(element("p", "Opening the result with the key in this browser …", "busy"));
  try {
    const told = await page.send(`/wallet/results/${task}`);
    const files = unpacked(await opened(page, task, told, fromHex(job.result_key)));
    place.replaceChildren(element("h2", "Your result"), ...failed(told, files), ...arranged(files), copyOf("job", task));
  } catch (error) {
    place.replaceChildren(element("h2", "Your result"), element("p", error.message, "warning"), copyOf("job", task));
  }
}

// Return a result's plaintext. (1) The file and its metadata are of this task and enclave. (2) The first half of its
// key opens with ours. (3) The other half is t shares under a record that the enclave signed for this file. (4) The
// container verifies.
async function opened(page, task, told, secret) {
  const settle = told.settle.message;
  const file = new Uint8Array(await page.fetched(`/wallet/files/${settle.sealedSha256}`));
  const metadata = JSON.parse(new TextDecoder().decode(container.readHeader(file).metadata));
  const named = metadata.task === task && settle.task === task && metadata.enclave === settle.enclave;
  if (!named || hex(sha256(file)) !== settle.sealedSha256) { // (1)
    throw new Error("This sealed file is the result of another task or enclave.");
  }
  const bound = lp(utf8ToBytes("sealgrid/result-key/1"), fromHex(task), fromHex(settle.enclave));
  const first = await hpke.open(secret, fromHex(metadata.k1), bound); // (2)
  const other = metadata.release === "direct" ? new Uint8Array(first.length) : await fromVaults(told, secret); // (3)
  return container.open(file, first.map((byte, at) => byte ^ other[at])); // (4)
}

async function fromVaults(told, secret) {
  const { settle } = told;
  const openings = told.openings.filter((each) => fits(each, settle.message));
  if (!openings.length) throw new Error(told.refused || "No vault holds the enclave's key record for this file.");
  const { commitments, t } = openings[0].record.message;
  const context = digest(settle);
  const shares = await Promise.all(openings.map((each) => share(each, secret, context)));
  return combine(shares.filter(Boolean), commitments, Number(t));
}

// One vault that answers rubbish, here and below, must not keep the others' shares from opening what was paid for.
function fits({ record, signature }, { enclave, sealedSha256 }) {
  const { owner, asset, fileSha256 } = record.message;
  try {
    return fileSha256 === sealedSha256 && [owner, asset, signer(record, signature)].every((each) => each === enclave);
  } catch {
    return false;
  }
}

async function share({ index, sealed }, secret, context) {
  try {
    const part = JSON.parse(new TextDecoder().decode(await hpke.open(secret, fromBase64(sealed), context)));
    return { index, value: fromBase64(part.value), blind: fromBase64(part.blind) };
  } catch {
    return null;
  }
}

function failed(told, files) {
  if (told.ended === "ok") return [];
  const log = new TextDecoder().decode(files.find(([name]) => name === LOG)?.[1] ?? new Uint8Array());
  const last = log.trim().split("\n").at(-1) || "it said nothing.";
  return [element("p", `The app failed: ${last} ${told.money}`, "warning")];
}

function arranged(files) {
  const formal = element("details", "");
  formal.append(element("summary", "What the protocol adds"), ...files.filter(([name]) => FORMAL.includes(name)).map(shown));
  return [...files.filter(([name]) => !FORMAL.includes(name)).map(shown), formal];
}

function shown([name, content]) {
  const figure = element("figure", "", "file");
  const kind = PICTURES[name.split(".").at(-1).toLowerCase()];
  const link = saving(name, new Blob([content], { type: kind ?? "application/octet-stream" }));
  const caption = element("figcaption", "");
  caption.append(link, " ", element("span", size(content.length), "dim"));
  figure.append(caption);
  if (kind) {
    figure.append(Object.assign(document.createElement("img"), { src: link.href, alt: `${name}, made by the app` }));
  } else if (!content.subarray(0, 1000).includes(0)) {
    const text = Object.assign(element("pre", ""), { tabIndex: 0 });
    text.append(element("code", new TextDecoder().decode(content).slice(0, MOST_SHOWN)));
    figure.append(text);
  }
  return figure;
}

function saving(name, content) {
  const link = element("a", name);
  return Object.assign(link, { href: URL.createObjectURL(content), download: name });
}

function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB"];
  const unit = Math.min(3, Math.max(0, Math.floor(Math.log10(bytes || 1) / 3)));
  return `${unit ? (bytes / 1000 ** unit).toFixed(1) : bytes} ${units[unit]}`;
}

function element(kind, text, style = "") {
  return Object.assign(document.createElement(kind), { textContent: text, className: style });
}
