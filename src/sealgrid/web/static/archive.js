// What is inside a sealed input and inside a sealed result: an archive, the latter padded to one of few sizes.
import { strToU8, unzipSync, zipSync } from "fflate";
import { toBigInt } from "./bytes.js";

const LENGTH = 8;
const LEAST = 64 << 10;
const STAMP = new Date(1980, 0, 1);

// Return the archive sealgrid/input/1 of a run's arguments and Files.
export async function packed(args, files) {
  const names = files.map((file) => file.name);
  if (new Set(names.map((name) => name.toLowerCase())).size !== names.length) {
    throw new Error("Two of your files have the same name; rename one. Nothing was bought.");
  }
  const entries = { "input.json": strToU8(JSON.stringify({ schema: "sealgrid/input/1", args, files: names, secrets: {} })) };
  for (const file of files) entries[`files/${file.name}`] = new Uint8Array(await file.arrayBuffer());
  return zipSync(entries, { level: 0, mtime: STAMP });
}

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
