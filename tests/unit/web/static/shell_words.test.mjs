import assert from "node:assert/strict";
import { test } from "node:test";
import { splitWords } from "/static/shell_words.js";
import { cases } from "./vectors.mjs";

test("arguments are split as a shell splits them", () => {
  for (const { text, words } of cases.split_words) assert.deepEqual(splitWords(text), words, text);
});

test("an open quotation mark and a last backslash are refused", () => {
  for (const text of cases.unsplittable_words) assert.throws(() => splitWords(text), /arguments/);
});
