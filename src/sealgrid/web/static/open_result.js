// Opens a paid result in the browser, with the result key that this browser stores.
import { unpackResult } from "./archive.js";
import { fromBase64, fromHex, hex, lengthPrefixed, sha256, utf8ToBytes } from "./bytes.js";
import * as container from "./container.js";
import * as hpke from "./hpke.js";
import { downloadLink, loadDocument } from "./key_store.js";
import { addViews } from "./result_views.js";
import { combine } from "./shares.js";
import { digest, recoverSigner } from "./typed_data.js";

const IMAGE_TYPES = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
};
const MAX_SHOWN = 20_000; // characters of a text file on the page; the link saves the whole file
const LOG_FILE = "app.log"; // of an app that failed; that of another app is named in the status
const STATUS_FILE = "sealgrid.json";
const LOG_TAIL_LINES = 10;
const PROTOCOL_FILES = ["computed.json", "sealgrid.json"]; // iExec's and ours, in every result

// Fill `target` with the files of the result that its data-result names.
export async function showResult(target, page) {
  const task = target.dataset.result;
  const job = loadDocument("job", task);
  if (!job) return;
  target.replaceChildren(element("p", "Opening the result with the key in this browser …", "busy"));
  const heading = element("h2", "Your result");
  try {
    const reply = await page.sendRequest(`/wallet/results/${task}`);
    const files = unpackResult(await openResult(page, task, reply, fromHex(job.result_key)));
    const log = logOf(files);
    const outputs = files.filter(([name]) => name !== log.name);
    target.replaceChildren(
      heading,
      ...failure(reply, log),
      ...figures(outputs),
      ...logTail(log),
      downloadLink("job", task),
    );
  } catch (error) {
    target.replaceChildren(heading, element("p", error.message, "warning"), downloadLink("job", task));
  }
}

// Return a result's plaintext. Checks: (1) the file and its metadata belong to this task and enclave; (2) the first
// half of the file's key opens with the result key; (3) the second half is t shares under a record that the enclave
// signed for this file; (4) the container verifies.
async function openResult(page, task, reply, secret) {
  const settle = reply.settle.message;
  const file = new Uint8Array(await page.fetchBytes(`/wallet/files/${settle.sealedSha256}`));
  const metadata = JSON.parse(new TextDecoder().decode(container.readHeader(file).metadata));
  const isSameTask = metadata.task === task && settle.task === task && metadata.enclave === settle.enclave;
  if (!isSameTask || hex(sha256(file)) !== settle.sealedSha256) {
    throw new Error("This sealed file is the result of another task or enclave."); // (1)
  }
  const info = lengthPrefixed(utf8ToBytes("sealgrid/result-key/1"), fromHex(task), fromHex(settle.enclave));
  const first = await hpke.open(secret, fromHex(metadata.k1), info); // (2)
  const isDirect = metadata.release === "direct";
  const second = isDirect ? new Uint8Array(first.length) : await combineVaultShares(reply, secret); // (3)
  const dek = first.map((byte, index) => byte ^ second[index]);
  return container.open(file, dek); // (4)
}

async function combineVaultShares(reply, secret) {
  const { settle } = reply;
  const openings = reply.openings.filter((opening) => isSignedByEnclave(opening, settle.message));
  if (!openings.length) throw new Error(reply.refused || "No vault holds the enclave's key record for this file.");
  const { commitments, t } = openings[0].record.message;
  const info = digest(settle);
  const shares = await Promise.all(openings.map((opening) => openShare(opening, secret, info)));
  return combine(shares.filter(Boolean), commitments, Number(t));
}

// A malformed reply of one vault, here and in openShare, must not block the other vaults' shares.
function isSignedByEnclave({ record, signature }, { enclave, sealedSha256 }) {
  const { owner, asset, fileSha256 } = record.message;
  try {
    const addresses = [owner, asset, recoverSigner(record, signature)];
    return fileSha256 === sealedSha256 && addresses.every((address) => address === enclave);
  } catch {
    return false;
  }
}

async function openShare({ index, sealed }, secret, info) {
  try {
    const part = JSON.parse(new TextDecoder().decode(await hpke.open(secret, fromBase64(sealed), info)));
    return { index, value: fromBase64(part.value), blind: fromBase64(part.blind) };
  } catch {
    return null;
  }
}

function logOf(files) {
  const contents = Object.fromEntries(files);
  const status = JSON.parse(new TextDecoder().decode(contents[STATUS_FILE]));
  const name = status.exit === 0 ? (status.log ?? "") : LOG_FILE;
  const content = contents[name] ?? new Uint8Array();
  return { name, content, text: new TextDecoder().decode(content).trimEnd() };
}

function failure(reply, log) {
  if (reply.ended === "ok") return [];
  const lastLine = log.text.split("\n").at(-1) || "it logged nothing.";
  return [element("p", `The app failed: ${lastLine} ${reply.money}`, "warning")];
}

function logTail(log) {
  if (!log.text) return [];
  const text = Object.assign(element("pre", ""), { tabIndex: 0 });
  text.append(element("code", log.text.split("\n").slice(-LOG_TAIL_LINES).join("\n")));
  const href = URL.createObjectURL(new Blob([log.content], { type: "text/plain" }));
  const line = element("p", "");
  line.append(
    "All of it is in ",
    Object.assign(element("a", log.name), { href, download: log.name }),
    ", sealed like the result: to report a failure, read it, then give it to the app's developer with the number of the task.",
  );
  return [element("h3", "Log of the app"), text, line];
}

function figures(files) {
  const isProtocolFile = ([name]) => PROTOCOL_FILES.includes(name);
  const details = element("details", "");
  details.append(element("summary", "Files that the protocol adds"), ...files.filter(isProtocolFile).map(figure));
  return [...files.filter((file) => !isProtocolFile(file)).map(figure), details];
}

function figure([name, content]) {
  const node = element("figure", "", "file");
  const type = IMAGE_TYPES[name.split(".").at(-1).toLowerCase()];
  const href = URL.createObjectURL(new Blob([content], { type: type ?? "application/octet-stream" }));
  const link = Object.assign(element("a", name), { href, download: name });
  const caption = element("figcaption", "");
  caption.append(link, " ", element("span", formatSize(content.length), "dim"));
  node.append(caption);
  if (type) {
    node.append(Object.assign(document.createElement("img"), { src: href, alt: `${name}, made by the app` }));
  } else if (!content.subarray(0, 1000).includes(0)) {
    const text = Object.assign(element("pre", ""), { tabIndex: 0 });
    const whole = new TextDecoder().decode(content);
    text.append(element("code", whole.slice(0, MAX_SHOWN)));
    node.append(text);
    addViews(node, name, whole);
  }
  return node;
}

function formatSize(bytes) {
  const units = ["bytes", "kB", "MB", "GB"];
  const unit = Math.min(3, Math.max(0, Math.floor(Math.log10(bytes || 1) / 3)));
  return `${unit ? (bytes / 1000 ** unit).toFixed(1) : bytes} ${units[unit]}`;
}

function element(tag, textContent, className = "") {
  return Object.assign(document.createElement(tag), { textContent, className });
}
