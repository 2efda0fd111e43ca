// ZIP archives of sealed inputs (sealgrid/input/1) and of sealed results, which are padded (docs/protocol/bundle.md).
import { strToU8, unzipSync, zipSync } from "fflate";
import { toBigInt } from "./bytes.js";

const LENGTH_BYTES = 8;
const MIN_PADDED_BYTES = 64 << 10;
const ZIP_EPOCH = new Date(1980, 0, 1);

const MAX_FILES = 1000;
const MAX_NAME_BYTES = 255;
const MAX_ARG_BYTES = 127 << 10;
const MAX_TEXT_BYTES = 1 << 20; // all arguments and names together
const TEXT_OVERHEAD = 9;
const MAX_INPUT_BYTES = 512 << 20;

// Return the archive of a run's arguments, Files and secrets by number; throw where the enclave would refuse it.
export async function packInput(args, files, secrets = {}) {
  const names = files.map((file) => file.name);
  const size = files.reduce((sum, file) => sum + file.size, 0);
  checkInput([...args, ...Object.values(secrets)], names, size);
  const manifest = { schema: "sealgrid/input/1", args, files: names, secrets };
  const entries = { "input.json": strToU8(JSON.stringify(manifest)) };
  for (const file of files) entries[`files/${file.name}`] = new Uint8Array(await file.arrayBuffer());
  return zipSync(entries, { level: 0, mtime: ZIP_EPOCH });
}

// Checks (3), (4), (6), (7) and (9) of docs/protocol/bundle.md. The numbers of a page's secrets are the app's, so (5) always holds.
export function checkInput(args, names, size) {
  const refuse = (check, reason) => {
    throw new Error(`(input.${check}) ${reason} Nothing was bought.`);
  };
  if (names.length > MAX_FILES) refuse(3, `A run takes at most ${MAX_FILES} files.`);
  if (!names.every(isPlainName)) refuse(3, `A file needs a plain name of at most ${MAX_NAME_BYTES} bytes; rename it.`);
  if (new Set(names.map(foldCase)).size !== names.length)
    refuse(4, "Two of your files have the same name; rename one.");
  if (args.some((arg) => arg.includes("\0") || !isUnicode(arg))) refuse(6, "An argument is not valid text.");
  if (args.some((arg) => byteLength(arg) > MAX_ARG_BYTES)) refuse(7, "An argument is too long; put it into a file.");
  const total = [...args, ...names].reduce((sum, text) => sum + byteLength(text) + TEXT_OVERHEAD, 0);
  if (total > MAX_TEXT_BYTES) refuse(7, "The arguments are too long; put them into a file.");
  if (size > MAX_INPUT_BYTES) refuse(9, `The files are more than ${MAX_INPUT_BYTES >> 20} MiB together.`);
}

function isPlainName(name) {
  const isOneSegment = name !== "" && name !== "." && name !== ".." && !/[/\\\p{Cc}]/u.test(name) && name[1] !== ":";
  return (
    isOneSegment && isUnicode(name) && Math.max(byteLength(name), byteLength(name.normalize("NFC"))) <= MAX_NAME_BYTES
  );
}

// Upper case first: a letter like ß folds to two letters.
const foldCase = (name) => name.normalize("NFD").toUpperCase().toLowerCase().normalize("NFC");
const isUnicode = (text) => !/\p{Cs}/u.test(text);
const byteLength = (text) => strToU8(text).length;

// Return [name, bytes] of each file of a padded result archive, sorted by name; throw on wrong padding.
export function unpackResult(padded) {
  const size = Number(toBigInt(padded.subarray(0, LENGTH_BYTES)));
  const end = LENGTH_BYTES + size;
  if (padded.length < MIN_PADDED_BYTES || end > padded.length || padded.length !== paddedSize(size)) {
    throw new Error("The result's padding does not match its length.");
  }
  if (padded.subarray(end).some((byte) => byte)) throw new Error("The result's padding is not zero.");
  return Object.entries(unzipSync(padded.subarray(LENGTH_BYTES, end))).sort(([a], [b]) => (a < b ? -1 : 1));
}

// Padmé (Nikitin et al., PETS 2019), at least 64 KiB.
function paddedSize(size) {
  const total = Math.max(size + LENGTH_BYTES, MIN_PADDED_BYTES);
  const exponent = Math.floor(Math.log2(total));
  const step = 2 ** (exponent - (Math.floor(Math.log2(exponent)) + 1));
  return Math.ceil(total / step) * step;
}
