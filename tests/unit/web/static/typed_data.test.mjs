import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "/static/bytes.js";
import { depositKeyStatement, digest, recoverSigner } from "/static/typed_data.js";
import { statements as published } from "./vectors.mjs";

const { chain, broker } = published.domain;
const domain = { name: "Sealgrid", version: "1", chainId: `${chain}`, verifyingContract: broker };
const DOMAIN_FIELDS = "string name,string version,uint256 chainId,address verifyingContract";

const parseFields = (text) =>
  text.split(",").map((field) => Object.fromEntries(field.split(" ").map((part, at) => [at ? "name" : "type", part])));

function camelCase(value) {
  if (Array.isArray(value)) return value.map(camelCase);
  if (value === null || typeof value !== "object") return value;
  const rename = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [rename(name), camelCase(item)]));
}

function typedData(vector) {
  const types = { EIP712Domain: parseFields(DOMAIN_FIELDS) };
  for (const [, name, fields] of vector.type.matchAll(/(\w+)\(([^)]*)\)/g)) types[name] = parseFields(fields);
  return { types, domain, primaryType: vector.name, message: camelCase(vector.fields) };
}

test("every published statement has the published digest", () => {
  for (const vector of published.statements) {
    assert.equal(hex(digest(typedData(vector))), `0x${vector.digest}`, vector.name);
  }
});

test("the signer of every published statement is recovered", () => {
  for (const vector of published.statements) {
    assert.equal(recoverSigner(typedData(vector), vector.signature), published.signer.address, vector.name);
  }
});

test("a vault's DepositKey statement is the published one", () => {
  const vector = published.statements.find(({ name }) => name === "DepositKey");
  const statement = depositKeyStatement(domain, vector.fields.vault, vector.fields.key);
  assert.equal(hex(digest(statement)), `0x${vector.digest}`);
});

test("another domain or message has another signer", () => {
  const [vector] = published.statements;
  const typed = typedData(vector);
  const elsewhere = { ...typed, domain: { ...domain, chainId: "1" } };
  const altered = { ...typed, message: { ...typed.message, version: "8" } };
  for (const other of [elsewhere, altered]) {
    assert.notEqual(recoverSigner(other, vector.signature), published.signer.address);
  }
});

test("a malformed signature is refused", () => {
  const [vector] = published.statements;
  for (const signature of ["0x", vector.signature.slice(2), `${vector.signature.slice(0, -2)}00`]) {
    assert.throws(() => recoverSigner(typedData(vector), signature));
  }
});

test("a type that statements do not use is refused", () => {
  const types = { EIP712Domain: parseFields(DOMAIN_FIELDS), Odd: [{ name: "a", type: "int8" }] };
  assert.throws(() => digest({ types, domain, primaryType: "Odd", message: { a: 1 } }), /not a type/);
});
