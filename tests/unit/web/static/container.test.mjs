import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, fromHex, hex, randomBytes, sha256 } from "/static/bytes.js";
import { open, readHeader, seal } from "/static/container.js";
import { containers } from "./vectors.mjs";

const dek = randomBytes(32);
const bytesOf = async (blob) => new Uint8Array(await blob.arrayBuffer());
const sealed = await bytesOf((await seal(new Blob([randomBytes(300)]), dek, { chunkSize: 64 })).sealed);
const flipLast = (file) => concatBytes(file.subarray(0, -1), Uint8Array.of(file.at(-1) ^ 1));

test("a published file is sealed byte for byte", async () => {
  for (const vector of containers) {
    const options = {
      keyId: fromHex(vector.key_id),
      salt: fromHex(vector.salt),
      metadata: fromHex(vector.metadata),
      chunkSize: vector.chunk_size,
    };
    const result = await seal(new Blob([fromHex(vector.plaintext)]), fromHex(vector.dek), options);
    const file = await bytesOf(result.sealed);
    assert.equal(hex(file), `0x${vector.sealed}`, vector.name);
    assert.deepEqual(result.sha256, sha256(file), vector.name);
  }
});

test("a published file opens, and its header gives its metadata", async () => {
  for (const vector of containers) {
    const file = fromHex(vector.sealed);
    assert.equal(hex(await open(file, fromHex(vector.dek))), `0x${vector.plaintext}`, vector.name);
    assert.equal(hex(readHeader(file).metadata), `0x${vector.metadata}`, vector.name);
  }
});

test("progress is reported for every chunk", async () => {
  const calls = [];
  await seal(new Blob([randomBytes(130)]), dek, { chunkSize: 64, onProgress: (...args) => calls.push(args) });
  assert.deepEqual(calls, [
    [1, 3],
    [2, 3],
    [3, 3],
  ]);
});

const damaged = {
  "(1)": concatBytes(fromHex("53474332"), sealed.subarray(4)),
  "(2)": concatBytes(sealed.subarray(0, 6), new Uint8Array(4), sealed.subarray(10)),
  "(3)": concatBytes(sealed, new Uint8Array(1)),
  "(4)": flipLast(sealed),
};

test("a damaged file fails the check of its damage", async () => {
  for (const [number, file] of Object.entries(damaged)) {
    await assert.rejects(open(file, dek), (error) => error.message.startsWith(number), number);
  }
  await assert.rejects(open(sealed.subarray(0, 69), dek), /\(1\)/);
  await assert.rejects(open(sealed.subarray(0, -1), dek), /\(3\)/);
});

test("swapped chunks and a wrong key fail check (4)", async () => {
  const [start, size] = [readHeader(sealed).encoded.length, 64 + 16];
  const chunk = (index) => sealed.subarray(start + index * size, start + (index + 1) * size);
  const swapped = concatBytes(sealed.subarray(0, start), chunk(1), chunk(0), sealed.subarray(start + 2 * size));
  await assert.rejects(open(swapped, dek), /\(4\)/);
  await assert.rejects(open(sealed, randomBytes(32)), /\(4\)/);
});
