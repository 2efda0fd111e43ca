import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { checkInputs } from "/static/input_check.js";
import { accepts, mediaType } from "/static/media_types.js";

const CASES = JSON.parse(readFileSync(new URL("../../bundle/input_cases.json", import.meta.url)));
const UNKNOWN_HERE = new Set(["inputs.2"]); // the site compares the model's format
const FILES = { min: 1, max: 1, media_types: [], max_bytes: 512 << 20, example: "", help: "" };
const ARGUMENT = {
  type: "text",
  required: false,
  repeated: false,
  default: "",
  choices: [],
  minimum: null,
  maximum: null,
  help: "",
};
const SECRET = { required: true, help: "" };

// A specification with every field, as a manifest has it.
function completed(spec) {
  return {
    model: "none",
    model_format: "",
    model_or_file: false,
    ...spec,
    files: spec.files ? { ...FILES, ...spec.files } : null,
    arguments: (spec.arguments ?? []).map((each) => ({ ...ARGUMENT, ...each })),
    secrets: (spec.secrets ?? []).map((each) => ({ ...SECRET, ...each })),
  };
}

function fileOf([name, text]) {
  const size = /^(\d+) bytes$/.exec(text)?.[1];
  return new File(
    [size ? new Uint8Array(Number(size)) : Uint8Array.from(text, (letter) => letter.charCodeAt(0))],
    name,
  );
}

test("a browser takes and refuses the inputs that the SDK does, with the same sentences", async () => {
  const refused = CASES.filter(
    (each) => !UNKNOWN_HERE.has(each.check) && each.what !== "a secret that it does not read",
  );
  assert.ok(refused.length > 30);
  for (const { what, spec, model, files, args, secrets, sentence } of refused) {
    const given = Object.fromEntries((secrets ?? []).map((number) => [number, "x"]));
    const inputs = { hasModel: Boolean(model), files: (files ?? []).map(fileOf), args: args ?? [], secrets: given };
    const check = checkInputs("app", completed(spec), inputs);
    if (sentence) await assert.rejects(check, { message: sentence }, what);
    else await assert.doesNotReject(check, what);
  }
});

test("a browser finds the type of a file that the SDK finds", () => {
  const bytes = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  const found = [
    ["a", "\x89PNG\r\n\x1a\n", "image/png"],
    ["a.png", "\xff\xd8\xff\xe0", "image/jpeg"],
    ["a", "RIFF\0\0\0\0WEBP", "image/webp"],
    ["a", "\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "image/heic"],
    ["a", "\0\0\0\x1cftypmif1\0\0\0\0mif1avif", "image/avif"],
    ["a", `BM${"\0".repeat(12)}\x28\0\0\0`, "image/bmp"],
    ["a", "\x93NUMPY\x01", "application/x-npy"],
    ["a", `PK\x03\x04${"\0".repeat(22)}\x05\0\0\0a.npy`, "application/x-npz"],
    ["a", `PK\x03\x04${"\0".repeat(22)}\x05\0\0\0a.txt`, "application/zip"],
    ["a", "\x80\x04\x95", "application/x-python-pickle"],
    ["a", "\x1f\x8b\x08", "application/gzip"],
    ["a", '{"a": 1}', "application/json"],
    ["a.csv", "[a],b", "text/csv"],
    ["a", "3.5", "application/json"],
    ["a", "\xff\xfe[\x001\x00]\x00", "application/json"],
    ["a", "[\x001\x00]\x00", "application/json"],
    ["a", "\x00[\x001\x00]", "application/json"],
    ["a", "[\0\0\x005\0\0\x00]\0\0\0", "application/json"],
    ["a", "\0\0\xfe\xff\0\0\x005", "application/json"],
    ["a.csv", "a\x00b", "application/octet-stream"],
    ["a.csv", "gr\xf6\xdfe;1", "text/csv"],
    ["a.csv", `a${"\xc3\xb6".repeat(32 << 10)}`.slice(0, 64 << 10), "text/csv"],
    ["letter", "dear machine", "text/plain"],
    ["a", "\0\x01\x02", "application/octet-stream"],
    ["a", "", "application/x-empty"],
  ];
  for (const [name, text, type] of found) assert.equal(mediaType(name, bytes(text)), type, text);
});

test("a type that only the whole file shows is not refused by its first bytes", () => {
  assert.ok(accepts(["application/onnx"], "application/octet-stream"));
  assert.ok(!accepts(["image/png"], "application/octet-stream"));
});
