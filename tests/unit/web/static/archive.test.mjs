import assert from "node:assert/strict";
import { test } from "node:test";
import { strFromU8, unzipSync, zipSync } from "fflate";
import { checkInput, packInput, unpackResult } from "/static/archive.js";
import { concatBytes, randomBytes, uint } from "/static/bytes.js";
import { cases } from "./vectors.mjs";

const MIN_PADDED_BYTES = 64 << 10;

test("an input archive holds its arguments and files in order", async () => {
  const files = [new File([Uint8Array.of(0, 255, 16)], "täst.bin"), new File([], "empty.txt")];
  const entries = unzipSync(await packInput(["one", "zwei drei"], files));
  assert.deepEqual(Object.keys(entries), ["input.json", "files/täst.bin", "files/empty.txt"]);
  assert.deepEqual(JSON.parse(strFromU8(entries["input.json"])), {
    schema: "sealgrid/input/1",
    args: ["one", "zwei drei"],
    files: ["täst.bin", "empty.txt"],
    secrets: {},
  });
  assert.deepEqual(entries["files/täst.bin"], Uint8Array.of(0, 255, 16));
});

test("equal inputs have equal archives", async () => {
  const pack = () => packInput(["a"], [new File(["content"], "name.txt")]);
  assert.deepEqual(await pack(), await pack());
});

test("an input that the enclave would refuse is refused by the same check", async () => {
  const refused = [
    ...cases.refused_inputs,
    { check: 3, args: [], names: ["é".repeat(128)] },
    { check: 3, args: [], names: Array.from({ length: 1001 }, (_, number) => `${number}`) },
    { check: 6, args: ["\ud800"], names: [] },
    { check: 7, args: ["x".repeat(128 << 10)], names: [] },
    { check: 7, args: Array.from({ length: 1100 }, () => "x".repeat(1000)), names: [] },
  ];
  for (const { check, args, names } of refused) {
    assert.throws(() => checkInput(args, names, 0), new RegExp(`\\(input\\.${check}\\)`));
  }
  assert.throws(() => checkInput([], ["a"], (512 << 20) + 1), /\(input\.9\)/);
  assert.doesNotThrow(() => checkInput(["x".repeat(127 << 10)], ["a", "b"], 512 << 20));
});

function pad(archive, size) {
  const padding = new Uint8Array(size - 8 - archive.length);
  return concatBytes(uint(archive.length, 8), archive, padding);
}

test("a padded result gives its files, sorted by name", () => {
  const content = randomBytes(100);
  const padded = pad(zipSync({ "b.txt": new Uint8Array(), "a.bin": content }), MIN_PADDED_BYTES);
  assert.deepEqual(unpackResult(padded), [
    ["a.bin", content],
    ["b.txt", new Uint8Array()],
  ]);
});

test("a large result is padded to the next Padmé size", () => {
  const archive = zipSync({ "a.bin": new Uint8Array(70_000) }, { level: 0 });
  // 70,0xx + 8 bytes: exponent 16, so sizes are multiples of 2^(16-5).
  const size = Math.ceil((archive.length + 8) / 2048) * 2048;
  assert.equal(unpackResult(pad(archive, size)).length, 1);
  assert.throws(() => unpackResult(pad(archive, size + 2048)), /padding/);
});

test("a result with wrong padding is refused", () => {
  const padded = pad(zipSync({ "a.bin": randomBytes(9) }), MIN_PADDED_BYTES);
  const dirty = padded.slice();
  dirty[dirty.length - 1] = 1;
  for (const damaged of [dirty, concatBytes(padded, new Uint8Array(1)), padded.subarray(0, -1), new Uint8Array(8)]) {
    assert.throws(() => unpackResult(damaged), /padding/);
  }
});
