// Verifiable secret sharing of a 32-byte key (docs/protocol/keys.md): Shamir over GF(2^128), each half separately.
import { concatBytes, hex, lengthPrefixed, randomBytes, sha256, toBigInt, uint, utf8ToBytes } from "./bytes.js";

const POLYNOMIAL = (1n << 128n) | 0x87n; // x^128 + x^7 + x^2 + x + 1
const HALVES = [
  [0, 16],
  [16, 32],
];
const COMMITMENT_TAG = utf8ToBytes("sealgrid/share/1");

// Return n shares, any t of which give the key; share i belongs to vault i, counted from 1.
export function split(dek, n, t, random = randomBytes) {
  const polynomials = HALVES.map(([start, end]) => {
    const coefficients = Array.from({ length: t - 1 }, () => toBigInt(random(16)));
    coefficients.push(toBigInt(dek.subarray(start, end)));
    return (x) => coefficients.reduce((sum, coefficient) => multiply(sum, x) ^ coefficient, 0n);
  });
  return Array.from({ length: n }, (_, position) => {
    const index = position + 1;
    const value = concatBytes(...polynomials.map((evaluate) => uint(evaluate(BigInt(index)), 16)));
    return { index, value, blind: random(32) };
  });
}

// Return the hiding commitment to a share.
export const commit = ({ index, value, blind }) =>
  hex(sha256(concatBytes(COMMITMENT_TAG, lengthPrefixed(uint(index, 8), value, blind))));

// Return the key; throw unless t distinct shares match their commitments (0x hex, in the vaults' order).
export function combine(shares, commitments, t) {
  const matching = new Map();
  for (const share of shares) {
    if (commit(share) === commitments[share.index - 1]) matching.set(share.index, share);
  }
  const points = [...matching.values()].slice(0, t);
  if (points.length < t) throw new Error(`${t} shares are needed; only ${points.length} match their commitments.`);
  return concatBytes(...HALVES.map(([start, end]) => uint(interpolateAtZero(points, start, end), 16)));
}

function interpolateAtZero(points, start, end) {
  return points.reduce((sum, point) => {
    let [numerator, denominator] = [1n, 1n];
    for (const other of points) {
      if (other === point) continue;
      numerator = multiply(numerator, BigInt(other.index));
      denominator = multiply(denominator, BigInt(other.index ^ point.index));
    }
    return sum ^ multiply(toBigInt(point.value.subarray(start, end)), multiply(numerator, invert(denominator)));
  }, 0n);
}

function multiply(a, b) {
  let product = 0n;
  let power = a;
  for (let bit = 0n; bit < 128n; bit += 1n) {
    if ((b >> bit) & 1n) product ^= power;
    power <<= 1n;
    if (power >> 128n) power ^= POLYNOMIAL;
  }
  return product;
}

// Fermat: a^(2^128 - 2) is the inverse of every a except zero.
function invert(element) {
  let [result, power] = [1n, element];
  for (let bit = 1; bit < 128; bit += 1) {
    power = multiply(power, power);
    result = multiply(result, power);
  }
  return result;
}
