// EIP-712 typed data, in the JSON of eth_signTypedData_v4: digest and signer.
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { keccak_256 as keccak } from "@noble/hashes/sha3.js";
import { concatBytes, fromHex, hex, uint, utf8ToBytes } from "./bytes.js";

// Return the 32 bytes that a wallet signs.
export function digest(typed) {
  const domain = hashStruct(typed.types, "EIP712Domain", typed.domain);
  const message = hashStruct(typed.types, typed.primaryType, typed.message);
  return keccak(concatBytes(Uint8Array.of(0x19, 0x01), domain, message));
}

// Return the address that signed, 0x and lower-case hex.
export function recoverSigner(typed, signature) {
  const bytes = fromHex(signature);
  if (bytes.length !== 65 || (bytes[64] !== 27 && bytes[64] !== 28)) throw new Error("This is not a valid signature.");
  const recoverable = concatBytes(Uint8Array.of(bytes[64] - 27), bytes.subarray(0, 64));
  const key = secp256k1.recoverPublicKey(recoverable, digest(typed), { prehash: false });
  return hex(keccak(secp256k1.Point.fromBytes(key).toBytes(false).subarray(1)).subarray(-20));
}

// Return the DepositKey statement, in which a vault names the X25519 key for key shares.
export function depositKeyStatement(domain, vault, key) {
  const EIP712Domain = [
    { name: "name", type: "string" },
    { name: "version", type: "string" },
    { name: "chainId", type: "uint256" },
    { name: "verifyingContract", type: "address" },
  ];
  const DepositKey = [
    { name: "vault", type: "address" },
    { name: "key", type: "bytes32" },
  ];
  return { types: { EIP712Domain, DepositKey }, domain, primaryType: "DepositKey", message: { vault, key } };
}

function hashStruct(types, name, value) {
  const fields = types[name].map((field) => encodeValue(types, field.type, value[field.name]));
  return keccak(concatBytes(keccak(utf8ToBytes(encodeType(types, name))), ...fields));
}

function encodeType(types, name) {
  const others = [...referencedTypes(types, name)].filter((type) => type !== name).sort();
  const encodeOne = (type) => `${type}(${types[type].map((field) => `${field.type} ${field.name}`).join(",")})`;
  return [name, ...others].map(encodeOne).join("");
}

function referencedTypes(types, name, visited = new Set()) {
  if (!(name in types) || visited.has(name)) return visited;
  visited.add(name);
  for (const field of types[name]) referencedTypes(types, field.type.replace(/\[\]$/, ""), visited);
  return visited;
}

function encodeValue(types, type, value) {
  if (type.endsWith("[]")) {
    return keccak(concatBytes(...value.map((item) => encodeValue(types, type.slice(0, -2), item))));
  }
  if (type in types) return hashStruct(types, type, value);
  if (type === "string") return keccak(utf8ToBytes(value));
  if (type === "bool") return uint(value ? 1 : 0, 32);
  if (type === "bytes") return keccak(fromHex(value));
  if (type === "bytes32") return fromHex(value);
  if (type === "address") return concatBytes(new Uint8Array(12), fromHex(value));
  if (type.startsWith("uint")) return uint(value, 32);
  throw new Error(`${type} is not a type that statements use.`);
}
