// Statements as typed data (EIP-712, the JSON of eth_signTypedData_v4): the digest that is signed, and who signed it.
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { keccak_256 as keccak } from "@noble/hashes/sha3.js";
import { concatBytes, fromHex, hex, uint, utf8ToBytes } from "./bytes.js";

// Return the 32 bytes that are signed.
export function digest(typed) {
  const parts = [Uint8Array.of(0x19, 0x01), structHash(typed.types, "EIP712Domain", typed.domain)];
  return keccak(concatBytes(...parts, structHash(typed.types, typed.primaryType, typed.message)));
}

// Return the address, 0x and lower-case hex, that signed a statement.
export function signer(typed, signature) {
  const bytes = fromHex(signature);
  if (bytes.length !== 65 || (bytes[64] !== 27 && bytes[64] !== 28)) throw new Error("This is no signature.");
  const recovered = concatBytes(Uint8Array.of(bytes[64] - 27), bytes.subarray(0, 64));
  const key = secp256k1.recoverPublicKey(recovered, digest(typed), { prehash: false });
  return hex(keccak(secp256k1.Point.fromBytes(key).toBytes(false).subarray(1)).subarray(-20));
}

// Return the statement by which a vault names the X25519 key that shares are sealed to.
export function depositKey(domain, vault, key) {
  const EIP712Domain = [
    { name: "name", type: "string" }, { name: "version", type: "string" },
    { name: "chainId", type: "uint256" }, { name: "verifyingContract", type: "address" },
  ];
  const DepositKey = [{ name: "vault", type: "address" }, { name: "key", type: "bytes32" }];
  return { types: { EIP712Domain, DepositKey }, domain, primaryType: "DepositKey", message: { vault, key } };
}

function structHash(types, name, value) {
  const words = types[name].map((field) => word(types, field.type, value[field.name]));
  return keccak(concatBytes(keccak(utf8ToBytes(encodeType(types, name))), ...words));
}

function encodeType(types, name) {
  const others = [...referred(types, name)].filter((each) => each !== name).sort();
  const one = (each) => `${each}(${types[each].map((field) => `${field.type} ${field.name}`).join(",")})`;
  return [name, ...others].map(one).join("");
}

function referred(types, name, seen = new Set()) {
  if (!(name in types) || seen.has(name)) return seen;
  seen.add(name);
  for (const field of types[name]) referred(types, field.type.replace(/\[\]$/, ""), seen);
  return seen;
}

function word(types, type, value) {
  if (type.endsWith("[]")) return keccak(concatBytes(...value.map((each) => word(types, type.slice(0, -2), each))));
  if (type in types) return structHash(types, type, value);
  if (type === "string") return keccak(utf8ToBytes(value));
  if (type === "bool") return uint(value ? 1 : 0, 32);
  if (type === "bytes32") return fromHex(value);
  if (type === "address") return concatBytes(new Uint8Array(12), fromHex(value));
  if (type.startsWith("uint")) return uint(value, 32);
  throw new Error(`${type} is no type that statements have.`);
}
