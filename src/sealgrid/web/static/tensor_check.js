// Compares a file of tensors with a model's public signature in the buyer's browser: the rules and sentences of
// sealgrid.bundle.tensor_check, for JSON and .npy. The site cannot read what this browser seals; .npz passes here.
import { decodeText } from "./media_types.js";

const MAX_JSON_BYTES = 16 << 20;
const MAX_DIMENSIONS = 32;
const MAX_HEADER_BYTES = 10_000; // of a .npy file, as NumPy reads it
const NUMBERS = ["float", "bfloat", "int", "uint", "double", "half"];
const WHOLE = ["int", "uint"];
const NO_TENSORS = ["map(", "sequence(", "seq(", "optional("];
const WRAPPERS = ["dataframe_split", "dataframe_records", "instances", "inputs"]; // as onnx-runner takes them

// Return why a file cannot be the model's inputs ({name, dtype, shape} each); null if it can or is not judged here.
export async function tensorFault(inputs, type, file) {
  if (inputs.some(({ dtype }) => NO_TENSORS.some((start) => dtype.startsWith(start)))) return null;
  const bytes = new Uint8Array(await file.arrayBuffer());
  try {
    const arrays = type === "application/x-npy" ? byName(inputs, npyArray(bytes)) : jsonArrays(inputs, type, bytes);
    return arrays && (inputs.map((spec) => arrayFault(spec, arrays[spec.name])).find(Boolean) ?? null);
  } catch (error) {
    if (error instanceof Unfit) return error.message;
    throw error;
  }
}

class Unfit extends Error {}

function jsonArrays(inputs, type, bytes) {
  if (type !== "application/json" || bytes.length > MAX_JSON_BYTES) return null;
  let content;
  try {
    content = JSON.parse(decodeText(bytes).replace(/\bNaN\b/g, "null"));
  } catch {
    return null; // the app says what is wrong with it
  }
  const names = inputs.map(({ name }) => name);
  if (Array.isArray(content)) {
    return content.some(isObject) ? null : byName(inputs, jsonArray(names[0], content));
  }
  if (!isObject(content)) return byName(inputs, jsonArray(names[0], content));
  const keys = Object.keys(content);
  if (!keys.some((key) => names.includes(key)) && isTable(content, inputs.length)) return null;
  if (Object.values(content).some(isObject)) return null; // a table, an object of objects
  return named(inputs, Object.fromEntries(keys.map((key) => [key, jsonArray(key, content[key])])));
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

// Return whether an object is a table, as pandas writes it, or wraps other content: no set of arrays by name.
function isTable(content, inputs) {
  const keys = Object.keys(content);
  const values = Object.values(content);
  const isColumn = (value) => Array.isArray(value) && !value.some(Array.isArray);
  if (keys.length && inputs === 1 && values.every(isColumn)) return true;
  if (("columns" in content && "data" in content) || (keys.length === 1 && WRAPPERS.includes(keys[0]))) return true;
  return Object.values(content).some(isObject);
}

function byName(inputs, array) {
  if (inputs.length !== 1) throw new Unfit(`the model has ${inputs.length} inputs; name them: ${listed(inputs)}`);
  return { [inputs[0].name]: array };
}

function named(inputs, arrays) {
  const names = inputs.map(({ name }) => name);
  const unknown = Object.keys(arrays)
    .filter((name) => !names.includes(name))
    .sort()[0];
  if (unknown !== undefined) throw new Unfit(`the model has no input '${unknown}'; it takes ${listed(inputs)}`);
  const missing = names.find((name) => !(name in arrays));
  if (missing !== undefined) throw new Unfit(`the input '${missing}' is missing; the model takes ${listed(inputs)}`);
  return arrays;
}

function listed(inputs) {
  const names = inputs.map(({ name }) => `'${name}'`);
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names.join("");
}

function arrayFault(spec, array) {
  if (spec.shape !== null && !fits(spec.shape, array.shape)) {
    return `the input '${spec.name}' has the shape [${array.shape.join(", ")}]; the model takes ${shapeText(spec.shape)}`;
  }
  const isOf = (kinds) => kinds.some((kind) => spec.dtype.startsWith(kind));
  if (array.hasText && isOf([...NUMBERS, "bool"]))
    return `the input '${spec.name}' has text; the model takes ${spec.dtype}`;
  if (array.hasFraction && isOf([...WHOLE, "bool"]))
    return `the input '${spec.name}' has decimals; the model takes ${spec.dtype}`;
  if (array.hasNumber && spec.dtype === "string") return `the input '${spec.name}' has numbers; the model takes text`;
  if (array.hasMissing && isOf([...WHOLE, "bool", "string"]))
    return `the input '${spec.name}' has a missing value; the model takes ${spec.dtype}`;
  return null;
}

// Return whether a shape is the expected one, or leaves out what onnx-runner adds: no rows, one row, one column.
// One value is a scalar, and an array where every size is 1 or free.
function fits(expected, shape) {
  if (!expected.length || !shape.length) {
    return shape.every((size) => size === 1) && expected.every((size) => typeof size !== "number" || size === 1);
  }
  if (shape.length < expected.length && shape.at(-1) === 0) return true;
  if (shape.length && shape.length + 1 === expected.length) {
    const isOneRow = typeof expected[0] !== "number" || expected[0] === 1;
    return (
      (isOneRow && isShape(expected.slice(1), shape)) ||
      (expected.at(-1) === 1 && isShape(expected.slice(0, -1), shape))
    );
  }
  return isShape(expected, shape);
}

function isShape(expected, shape) {
  if (expected.length !== shape.length) return false;
  return expected.every((size, axis) => typeof size !== "number" || size === shape[axis]);
}

const shapeText = (shape) => (shape.length ? `[${shape.map((size) => size ?? "any").join(", ")}]` : "scalar");

// Return the shape of nested lists and what is in them; throw Unfit for lists of different lengths or too deep.
function jsonArray(name, value) {
  const shape = [];
  for (let level = value; Array.isArray(level); level = level[0]) {
    if (shape.length === MAX_DIMENSIONS)
      throw new Unfit(`the input '${name}' has more than ${MAX_DIMENSIONS} dimensions`);
    shape.push(level.length);
  }
  const leaves = [];
  collectLeaves(name, value, shape, leaves);
  const hasText = leaves.some((leaf) => typeof leaf === "string");
  return {
    shape,
    hasText,
    hasFraction: leaves.some((leaf) => typeof leaf === "number" && leaf % 1 !== 0),
    hasNumber: leaves.some((leaf) => typeof leaf === "number" || typeof leaf === "boolean"),
    hasMissing: leaves.includes(null),
  };
}

function collectLeaves(name, value, shape, leaves) {
  if (Array.isArray(value) !== shape.length > 0 || (shape.length && value.length !== shape[0])) {
    throw new Unfit(`the input '${name}' is not an array: its lists differ in length`);
  }
  if (!shape.length) leaves.push(value);
  else for (const each of value) collectLeaves(name, each, shape.slice(1), leaves);
}

// Return what the header of a .npy file states (NEP 1).
function npyArray(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isFirst = bytes[6] === 1;
  if (bytes.length < 12) throw new Unfit("it is a damaged NumPy file");
  const [start, length] = isFirst ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  if (length > MAX_HEADER_BYTES) throw new Unfit("it is a damaged NumPy file");
  const header = new TextDecoder("latin1").decode(bytes.subarray(start, start + length));
  const dtype = /'descr': '([^']*)'/.exec(header)?.[1];
  const sizes = /'shape': \(([\d, ]*)\)/.exec(header)?.[1];
  if (/'descr': \[/.test(header)) throw new Unfit("it has records with fields; give one array for each input");
  if (dtype === undefined || sizes === undefined) throw new Unfit("it is a damaged NumPy file");
  if (dtype.includes("O")) {
    throw new Unfit("it has Python objects (a pickle), which run code and are refused; save plain numbers");
  }
  const shape = sizes
    .split(",")
    .filter((size) => size.trim())
    .map(Number);
  if (shape.length > MAX_DIMENSIONS) throw new Unfit(`it has more than ${MAX_DIMENSIONS} dimensions`);
  return { shape, hasText: /^.[US]/.test(dtype), hasFraction: false, hasNumber: /^.[biufc]/.test(dtype) };
}
