import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { tensorFault } from "/static/tensor_check.js";

const { signatures, cases } = JSON.parse(readFileSync(new URL("../../bundle/tensor_cases.json", import.meta.url)));
const NPY = "application/x-npy";

// A .npy file of version 1 without its numbers.
function npy(descr, shape) {
  const header = `{'descr': ${descr}, 'fortran_order': False, 'shape': (${shape}), }\n`;
  const start = Uint8Array.from([0x93, ...Buffer.from("NUMPY"), 1, 0, header.length, 0]);
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
  assert.match(await tensorFault(signatures.x, NPY, new File(["\x93NUMPY"], "x.npy")), /damaged/);
});

test("content that a browser cannot judge passes", async () => {
  assert.equal(await tensorFault(signatures.x, "application/x-npz", new File(["PK"], "x.npz")), null);
  assert.equal(await tensorFault(signatures.x, "application/json", new File(["{'a'"], "x.json")), null);
});
