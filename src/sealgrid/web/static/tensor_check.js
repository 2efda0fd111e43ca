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
  const names = namesOf(inputs);
  content = unwrapped(content, names);
  const table = asTable(content, names);
  if (table) {
    if (names.length === 1 && (table.columns.length !== 1 || table.columns[0] !== names[0])) {
      return { [names[0]]: jsonArray(names[0], table.rows) };
    }
    content = Object.fromEntries(table.columns.map((name, place) => [name, table.rows.map((row) => row[place])]));
  }
  if (!isObject(content)) return byName(inputs, jsonArray(names[0], content));
  return named(inputs, Object.fromEntries(Object.keys(content).map((key) => [key, jsonArray(key, content[key])])));
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

// Return what servers of models wrap in an object of one name.
function unwrapped(content, names) {
  const keys = isObject(content) ? Object.keys(content) : [];
  return keys.length === 1 && WRAPPERS.includes(keys[0]) && !names.includes(keys[0]) ? content[keys[0]] : content;
}

// Return the table that content is ({columns, rows}), null for other content: the rules of sealgrid.bundle.json_table.
function asTable(content, names) {
  if (Array.isArray(content)) return content.length && content.every(isObject) ? ofRecords(content) : null;
  const keys = isObject(content) ? Object.keys(content) : [];
  if (!keys.length || names.some((name) => Object.hasOwn(content, name) && !isObject(content[name]))) return null;
  const has = (...wanted) => wanted.every((key) => keys.includes(key));
  if (has("columns", "data") && keys.length === (has("index") ? 3 : 2)) return ofSplit(content.columns, content.data);
  if (has("schema", "data") && keys.length === 2) return ofSchema(content.schema, content.data);
  if (Object.values(content).every(isObject)) return ofObjects(content, names);
  return names.length === 1 ? ofLists(content) : null;
}

function ofRecords(records) {
  const columns = Object.keys(records[0]);
  const number = records.findIndex((row) => differing(row, records[0]).length);
  if (number >= 0) {
    const different = listed(differing(records[number], records[0]));
    throw new Unfit(`record ${number + 1} and record 1 have different names: ${different}`);
  }
  return { columns, rows: records.map((row) => columns.map((column) => row[column])) };
}

// Return the names that one of two objects has and the other has not.
function differing(first, second) {
  const isMissing = (name) => Object.hasOwn(first, name) !== Object.hasOwn(second, name);
  return [...Object.keys(first), ...Object.keys(second)].filter(isMissing).sort();
}

function ofSplit(columns, rows) {
  if (!Array.isArray(columns) || !columns.every((column) => typeof column === "string")) {
    throw new Unfit("the columns of the split form are a list of names");
  }
  if (!Array.isArray(rows) || !rows.every((row) => Array.isArray(row) && row.length === columns.length)) {
    throw new Unfit(`the data of the split form are a list of rows with ${columns.length} values each`);
  }
  if (new Set(columns).size < columns.length) throw new Unfit("two columns of the split form have the same name");
  return { columns, rows };
}

// Return a table without the columns of its index.
function ofSchema(schema, records) {
  if (!isObject(schema) || !Array.isArray(records) || !records.length || !records.every(isObject)) return null;
  const key = schema.primaryKey;
  const index = Array.isArray(key) && key.every((name) => typeof name === "string") ? key : [];
  const isColumn = ([name]) => !index.includes(name);
  return ofRecords(records.map((row) => Object.fromEntries(Object.entries(row).filter(isColumn))));
}

function ofObjects(content, names) {
  const columns = Object.keys(content);
  const [first, ...others] = Object.values(content);
  if (others.some((each) => differing(each, first).length)) {
    throw new Unfit("the columns or rows of the input, an object of objects, have different names");
  }
  const hasName = (object) => names.some((name) => Object.hasOwn(object, name));
  const isIndex = !hasName(content) && (hasName(first) || isNumbered(columns));
  if (isIndex && !isNumbered(Object.keys(first))) return ofRecords(Object.values(content));
  return { columns, rows: Object.keys(first).map((row) => columns.map((column) => content[column][row])) };
}

const isNumbered = (keys) => keys.every((key) => /^\p{Nd}+$/u.test(key));

function ofLists(content) {
  const lists = Object.values(content);
  const isValue = (value) => value === null || typeof value !== "object";
  if (!lists.every((list) => Array.isArray(list) && list.every(isValue))) return null;
  if (lists.some((list) => list.length !== lists[0].length))
    throw new Unfit("the columns of the input differ in length");
  return { columns: Object.keys(content), rows: lists[0].map((_, row) => lists.map((list) => list[row])) };
}

function byName(inputs, array) {
  if (inputs.length !== 1)
    throw new Unfit(`the model has ${inputs.length} inputs; name them: ${listed(namesOf(inputs))}`);
  return { [inputs[0].name]: array };
}

function named(inputs, arrays) {
  const names = namesOf(inputs);
  const unknown = Object.keys(arrays)
    .filter((name) => !names.includes(name))
    .sort()[0];
  if (unknown !== undefined) throw new Unfit(`the model has no input '${unknown}'; it takes ${listed(names)}`);
  const missing = names.find((name) => !(name in arrays));
  if (missing !== undefined) throw new Unfit(`the input '${missing}' is missing; the model takes ${listed(names)}`);
  return arrays;
}

const namesOf = (inputs) => inputs.map(({ name }) => name);

function listed(names) {
  const quoted = names.map((name) => `'${name}'`);
  return quoted.length > 1 ? `${quoted.slice(0, -1).join(", ")} and ${quoted.at(-1)}` : quoted.join("");
}

function arrayFault(spec, array) {
  if (spec.shape !== null && !fits(spec.shape, array.shape)) {
    return `the input '${spec.name}' has the shape [${array.shape.join(", ")}]; the model takes ${shapeText(spec.shape)}`;
  }
  if (array.hasObject) return `the input '${spec.name}' has an object; the model takes ${spec.dtype}`;
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
    hasObject: leaves.some(isObject),
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
