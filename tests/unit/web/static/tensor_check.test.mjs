import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { tensorFault } from "/static/tensor_check.js";

const { signatures, cases } = JSON.parse(readFileSync(new URL("../../bundle/tensor_cases.json", import.meta.url)));
const NPY = "application/x-npy";

// A .npy file of version 1 without its numbers.
function npy(descr, shape, padding = 0) {
  const header = `{'descr': ${descr}, 'fortran_order': False, 'shape': (${shape}), }${" ".repeat(padding)}\n`;
  const size = [header.length & 255, header.length >> 8];
  const start = Uint8Array.from([0x93, ...Buffer.from("NUMPY"), 1, 0, ...size]);
  return new File([start, header], "x.npy");
}

test("a browser judges files of tensors as the SDK does", async () => {
  for (const { signature, document, fault } of cases) {
    const file = new File([document], "x.json");
    assert.equal(await tensorFault(signatures[signature], "application/json", file), fault ?? null, document);
  }
});

test("a browser reads the header of a NumPy file", async () => {
  assert.equal(await tensorFault(signatures.x, NPY, npy("'<f4'", "2, 3")), null);
  assert.equal(await tensorFault(signatures.x, NPY, npy("'<f4'", "3,")), null);
  const wrong = "the input 'x' has the shape [4]; the model takes [batch, 3]";
  assert.equal(await tensorFault(signatures.x, NPY, npy("'<f4'", "4,")), wrong);
  assert.match(await tensorFault(signatures.x, NPY, npy("'|O'", "1, 3")), /a pickle/);
  assert.match(await tensorFault(signatures.x, NPY, npy("[('a', '<f4')]", "1, 3")), /records with fields/);
  assert.match(await tensorFault(signatures.x, NPY, npy("'<U3'", "1, 3")), /has text/);
  assert.equal(await tensorFault(signatures.x, NPY, npy("'<f4'", "1, 3", 9000)), null);
  assert.match(await tensorFault(signatures.x, NPY, npy("'<f4'", "1, 3", 10_000)), /damaged/);
  const tooMany = "it has more than 32 dimensions";
  assert.equal(await tensorFault(signatures.any, NPY, npy("'<f4'", "1, ".repeat(32))), null);
  assert.equal(await tensorFault(signatures.any, NPY, npy("'<f4'", "1, ".repeat(33))), tooMany);
  assert.match(await tensorFault(signatures.x, NPY, new File(["\x93NUMPY"], "x.npy")), /damaged/);
});

test("a browser reads JSON in every encoding that the app reads", async () => {
  const fault = "the input 'x' has the shape [1]; the model takes [batch, 3]";
  for (const text of ["[5]", "[\x005\0]\0", "\xff\xfe[\x005\0]\0", "\0\0\0[\0\0\x005\0\0\0]"]) {
    const file = new File([Uint8Array.from(text, (letter) => letter.charCodeAt(0))], "x.json");
    assert.equal(await tensorFault(signatures.x, "application/json", file), fault, text);
  }
  const german = new File([Uint8Array.from('["gr\xf6\xdfe"]', (letter) => letter.charCodeAt(0))], "x.json");
  assert.equal(await tensorFault(signatures.x, "application/json", german), null);
});

test("content that a browser cannot judge passes", async () => {
  assert.equal(await tensorFault(signatures.x, "application/x-npz", new File(["PK"], "x.npz")), null);
  assert.equal(await tensorFault(signatures.x, "application/json", new File(["{'a'"], "x.json")), null);
});
