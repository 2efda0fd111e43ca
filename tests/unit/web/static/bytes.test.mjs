import assert from "node:assert/strict";
import { test } from "node:test";
import { base64, equalBytes, fromBase64, fromHex, hex, lengthPrefixed, toBigInt, uint } from "/static/bytes.js";

test("bytes survive hex and base64", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, value) => value);
  assert.deepEqual(fromHex(hex(bytes)), bytes);
  assert.deepEqual(fromBase64(base64(bytes)), bytes);
  assert.equal(base64(fromHex("fbff")), "+/8=");
});

test("unsigned integers are big-endian", () => {
  assert.equal(hex(uint(0x0102, 4)), "0x00000102");
  assert.equal(hex(uint((1n << 256n) - 1n, 32)), `0x${"ff".repeat(32)}`);
  assert.equal(toBigInt(uint(10n ** 20n, 16)), 10n ** 20n);
  assert.equal(toBigInt(new Uint8Array()), 0n);
});

test("length-prefixed lists are unambiguous", () => {
  const [a, b, ab, empty] = ["61", "62", "6162", ""].map(fromHex);
  assert.equal(hex(lengthPrefixed(a, b)), "0x00000001610000000162");
  assert.notDeepEqual(lengthPrefixed(a, b), lengthPrefixed(ab, empty));
});

test("bytes are equal by length and content", () => {
  assert.ok(equalBytes(fromHex("0102"), fromHex("0102")));
  assert.ok(!equalBytes(fromHex("0102"), fromHex("010203")));
  assert.ok(!equalBytes(fromHex("0102"), fromHex("0103")));
});
