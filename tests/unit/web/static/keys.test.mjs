import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, hex, randomBytes } from "/static/bytes.js";
import * as hpke from "/static/hpke.js";
import { combine, commit, split } from "/static/shares.js";
import { keys } from "./vectors.mjs";

const published = keys.shares.shares.map(({ index, value, blind }) => ({
  index,
  value: fromHex(value),
  blind: fromHex(blind),
}));
const commitments = keys.shares.shares.map((share) => share.commitment);

test("a share's value is its index's point on a polynomial with the key at zero", () => {
  const constant = (size) => new Uint8Array(size).fill(0x0b);
  const [first] = split(fromHex(keys.shares.dek), 3, 2, constant);
  const expected = fromHex(keys.shares.dek).map((byte) => byte ^ 0x0b); // f(1) = key + coefficient * 1
  assert.deepEqual(first, { index: 1, value: expected, blind: constant(32) });
});

test("the commitments to the published shares are the published ones", () => {
  assert.deepEqual(published.map(commit), commitments);
});

test("any t published shares give the published key", () => {
  for (const [a, b] of [
    [0, 1],
    [1, 2],
    [0, 2],
    [2, 0],
  ]) {
    assert.equal(hex(combine([published[a], published[b]], commitments, 2)), `0x${keys.shares.dek}`);
  }
});

test("shares of a random key combine for every n and t", () => {
  for (const [n, t] of [
    [1, 1],
    [3, 3],
    [5, 3],
  ]) {
    const dek = randomBytes(32);
    const shares = split(dek, n, t);
    assert.deepEqual(combine(shares.slice(n - t), shares.map(commit), t), dek);
  }
});

test("a share that does not match its commitment is not used", () => {
  const altered = { ...published[0], value: new Uint8Array(32) };
  assert.equal(hex(combine([altered, published[1], published[2]], commitments, 2)), `0x${keys.shares.dek}`);
  assert.throws(() => combine([altered, published[1]], commitments, 2), /only 1 match their commitments/);
});

test("a share given twice counts once", () => {
  assert.throws(() => combine([published[0], published[0]], commitments, 2), /only 1 match their commitments/);
});

test("the published HPKE message opens with its info only", async () => {
  const { secret, sealed, info, plaintext } = keys.hpke;
  assert.equal(hex(await hpke.open(fromHex(secret), fromHex(sealed), fromHex(info))), `0x${plaintext}`);
  await assert.rejects(hpke.open(fromHex(secret), fromHex(sealed), fromHex("00")));
});

test("a message sealed to the published public key opens with its secret", async () => {
  const message = randomBytes(40);
  const sealed = await hpke.seal(fromHex(keys.hpke.public), message, fromHex("0a"));
  assert.deepEqual(await hpke.open(fromHex(keys.hpke.secret), sealed, fromHex("0a")), message);
});

test("a fresh key pair is 32 bytes each and opens what is sealed to it", async () => {
  const pair = await hpke.generateKeyPair();
  assert.deepEqual([pair.public.length, pair.secret.length], [32, 32]);
  const sealed = await hpke.seal(pair.public, fromHex("01"), fromHex(""));
  assert.deepEqual(await hpke.open(pair.secret, sealed, fromHex("")), fromHex("01"));
});

test("a public key of low order is refused (RFC 7748, section 6.1)", async () => {
  await assert.rejects(hpke.seal(new Uint8Array(32), fromHex("00"), fromHex("00")));
});
