// A 32-byte key, split among the vaults (docs/protocol/keys.md): Shamir over GF(2^128), each half by itself.
import { concatBytes, hex, lp, random, sha256, toBigInt, uint, utf8ToBytes } from "./bytes.js";

const POLYNOMIAL = (1n << 128n) | 0x87n; // x^128 + x^7 + x^2 + x + 1
const HALVES = [[0, 16], [16, 32]];
const COMMITMENT = utf8ToBytes("sealgrid/share/1");

// Return n shares of which any t give the key back; the i-th is for the i-th vault.
export function split(dek, n, t, draw = random) {
  const halves = HALVES.map(([from, to]) => {
    const coefficients = [...Array.from({ length: t - 1 }, () => toBigInt(draw(16))), toBigInt(dek.subarray(from, to))];
    return (x) => coefficients.reduce((sum, each) => times(sum, x) ^ each, 0n);
  });
  return Array.from({ length: n }, (_, at) => {
    const value = concatBytes(...halves.map((half) => uint(half(BigInt(at + 1)), 16)));
    return { index: at + 1, value, blind: draw(32) };
  });
}

// Return what binds a share without telling anything of it.
export const commit = (share) => hex(sha256(concatBytes(COMMITMENT, lp(uint(share.index, 8), share.value, share.blind))));

// Return the key from shares of which t match the commitments, 0x hex in the vaults' order; refuse fewer.
export function combine(shares, commitments, t) {
  const good = new Map();
  for (const share of shares) if (commit(share) === commitments[share.index - 1]) good.set(share.index, share);
  const points = [...good.values()].slice(0, t);
  if (points.length < t) throw new Error(`${t} shares are needed; only ${points.length} match their commitments.`);
  return concatBytes(...HALVES.map(([from, to]) => uint(atZero(points, from, to), 16)));
}

function atZero(points, from, to) {
  return points.reduce((sum, point) => {
    const [top, bottom] = points.filter((other) => other !== point).reduce(
      ([above, below], other) => [times(above, BigInt(other.index)), times(below, BigInt(other.index ^ point.index))],
      [1n, 1n],
    );
    return sum ^ times(toBigInt(point.value.subarray(from, to)), times(top, inverse(bottom)));
  }, 0n);
}

function times(one, other) {
  let product = 0n;
  for (let bit = 0n, power = one; bit < 128n; bit += 1n) {
    if ((other >> bit) & 1n) product ^= power;
    power <<= 1n;
    if (power >> 128n) power ^= POLYNOMIAL;
  }
  return product;
}

// Fermat: every element but zero to the power 2^128 - 2 is its inverse.
function inverse(element) {
  let [result, power] = [1n, element];
  for (let bit = 1; bit < 128; bit += 1) {
    power = times(power, power);
    result = times(result, power);
  }
  return result;
}
