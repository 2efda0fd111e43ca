// What is inside a sealed input and inside a sealed result: an archive, the latter padded to one of few sizes.
import { strToU8, unzipSync, zipSync } from "fflate";
import { toBigInt } from "./bytes.js";

const LENGTH = 8;
const LEAST = 64 << 10;
const STAMP = new Date(1980, 0, 1);

const MOST_FILES = 1000;
const MOST_NAME_BYTES = 255;
const MOST_TEXT_BYTES = 127 << 10;
const MOST_TEXTS_BYTES = 1 << 20;
const COST_OF_A_TEXT = 9;
const MOST_INPUT_BYTES = 512 << 20;

// Return the archive sealgrid/input/1 of a run's arguments and Files; throw where the enclave would refuse it.
export async function packed(args, files) {
  const names = files.map((file) => file.name);
  checkInput(args, names, files.reduce((sum, file) => sum + file.size, 0));
  const entries = { "input.json": strToU8(JSON.stringify({ schema: "sealgrid/input/1", args, files: names, secrets: {} })) };
  for (const file of files) entries[`files/${file.name}`] = new Uint8Array(await file.arrayBuffer());
  return zipSync(entries, { level: 0, mtime: STAMP });
}

// The checks of docs/protocol/bundle.md by their numbers; this page gives no secrets, (5).
export function checkInput(args, names, size) {
  const refuse = (check, why) => {
    throw new Error(`(input.${check}) ${why} Nothing was bought.`);
  };
  if (names.length > MOST_FILES) refuse(3, `A run takes at most ${MOST_FILES} files.`);
  if (!names.every(isPlain)) refuse(3, `A file has no plain name of at most ${MOST_NAME_BYTES} bytes; rename it.`);
  if (new Set(names.map(folded)).size !== names.length) refuse(4, "Two of your files have the same name; rename one.");
  if (args.some((text) => text.includes("\0") || !isUnicode(text))) refuse(6, "An argument is no text.");
  if (args.some((text) => bytesOf(text) > MOST_TEXT_BYTES)) refuse(7, "An argument is too long; put it into a file.");
  const texts = [...args, ...names].reduce((sum, text) => sum + bytesOf(text) + COST_OF_A_TEXT, 0);
  if (texts > MOST_TEXTS_BYTES) refuse(7, "The arguments are too long; put them into a file.");
  if (size > MOST_INPUT_BYTES) refuse(9, `The files are more than ${MOST_INPUT_BYTES >> 20} MiB together.`);
}

function isPlain(name) {
  const inside = name !== "" && name !== "." && name !== ".." && !/[/\\\p{Cc}]/u.test(name) && name[1] !== ":";
  return inside && isUnicode(name) && Math.max(bytesOf(name), bytesOf(name.normalize("NFC"))) <= MOST_NAME_BYTES;
}

// Capitals first: a letter like ß folds to two.
const folded = (name) => name.normalize("NFD").toUpperCase().toLowerCase().normalize("NFC");
const isUnicode = (text) => !/\p{Cs}/u.test(text);
const bytesOf = (text) => strToU8(text).length;

// Return the files of an opened result by name, sorted; refuse what is not padded as its length says.
export function unpacked(padded) {
  const size = Number(toBigInt(padded.subarray(0, LENGTH)));
  const ends = LENGTH + size;
  if (padded.length < LEAST || ends > padded.length || padded.length !== paddedSize(size)) {
    throw new Error("The result is not padded as its length says.");
  }
  if (padded.subarray(ends).some((byte) => byte)) throw new Error("The result's padding holds something.");
  return Object.entries(unzipSync(padded.subarray(LENGTH, ends))).sort(([one], [other]) => (one < other ? -1 : 1));
}

// Padmé (Nikitin et al., PETS 2019), at least 64 KiB.
function paddedSize(size) {
  const total = Math.max(size + LENGTH, LEAST);
  const exponent = Math.floor(Math.log2(total));
  const step = 2 ** (exponent - (Math.floor(Math.log2(exponent)) + 1));
  return Math.ceil(total / step) * step;
}
