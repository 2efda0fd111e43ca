// Views of result files: tables, bars of classes, bounds, and files that have none.
import assert from "node:assert/strict";
import test from "node:test";
import { viewsOf } from "/static/result_views.js";

const json = (value) => viewsOf("result.json", JSON.stringify(value));

test("a classifier's probabilities are bars, the highest first", () => {
  const outputs = {
    outputs: { p: { dtype: "float32", shape: [1, 3], classes: ["cat", "dog", 7], values: [[0.1, 0.7, 0.2]] } },
  };
  assert.deepEqual(json(outputs), [
    {
      title: "outputs: p",
      bars: [
        { label: "dog", value: 0.7 },
        { label: "7", value: 0.2 },
        { label: "cat", value: 0.1 },
      ],
      more: "",
    },
  ]);
});

test("the highest values that were asked for are bars, named by class or place", () => {
  const top = { places: [[1, 0]], values: [[0.7, 0.2]] };
  const [byPlace] = json({ dtype: "float32", shape: [1, 3], values: [[0.2, 0.7, 0.1]], top });
  assert.deepEqual(
    byPlace.bars.map(({ label }) => label),
    ["1", "0"],
  );
  const [byClass] = json({ dtype: "float32", shape: [1, 3], top: { ...top, classes: [["dog", "cat"]] } });
  assert.deepEqual(
    byClass.bars.map(({ label }) => label),
    ["dog", "cat"],
  );
});

test("other tensors of one or two dimensions are tables, larger ones have none", () => {
  const [vector] = json({ dtype: "int64", shape: [2], values: [5, 6] });
  assert.deepEqual(vector.rows, [
    ["0", "5"],
    ["1", "6"],
  ]);
  const [matrix] = json({ dtype: "float32", shape: [1, 2], values: [[0.5, null]] });
  assert.deepEqual([matrix.columns, matrix.rows], [["row", "0", "1"], [["0", "0.5", ""]]]);
  assert.deepEqual(json({ dtype: "float32", shape: [1, 1, 1], values: [[[1]]] }), []);
  assert.deepEqual(json({ dtype: "float32", shape: [], values: 3 }), []);
});

test("objects of one list are a table with all their keys", () => {
  const [plates] = json({
    plates: [
      { text: "AB 1", box: [0, 4] },
      { text: "CD 2", confidence: "high" },
    ],
  });
  assert.deepEqual(plates, {
    title: "plates",
    columns: ["text", "box", "confidence"],
    rows: [
      ["AB 1", "[0,4]", ""],
      ["CD 2", "", "high"],
    ],
    more: "",
  });
});

test("an object of numbers is bars, one of texts a table", () => {
  assert.equal(json({ cat: 0.75, dog: 0.25 })[0].bars.length, 2);
  assert.deepEqual(json({ "a.txt": "0x12" })[0].rows, [["a.txt", "0x12"]]);
});

test("a table of text is parsed with quotation marks", () => {
  const [found] = viewsOf("a.CSV", 'a,b\r\n"x, ""y""\nz",2\r\n');
  assert.deepEqual([found.columns, found.rows], [["a", "b"], [['x, "y"\nz', "2"]]]);
  assert.deepEqual(viewsOf("a.tsv", "a\tb\n1\t2\n")[0].rows, [["1", "2"]]);
});

test("large tables and long cells are cut, and say so", () => {
  const [found] = json(Array.from({ length: 60 }, () => Array.from({ length: 20 }, () => "x".repeat(200))));
  assert.deepEqual([found.rows.length, found.rows[0].length, found.rows[0][0].length], [50, 12, 80]);
  assert.equal(found.more, "10 more rows, 8 more columns");
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, number) => [`c${number}`, number]));
  assert.deepEqual([json(many)[0].bars.length, json(many)[0].more], [12, "18 more"]);
});

test("other content has no views", () => {
  for (const [name, text] of [
    ["a.json", "{"],
    ["a.json", "3"],
    ["a.json", "[]"],
    ["a.json", "{}"],
    ["a.json", '[1, {"a": 2}]'],
    ["a.csv", "only one line"],
    ["a.txt", "a,b\n1,2"],
    ["a.json", `[${"1,".repeat(1 << 20)}1]`],
  ])
    assert.deepEqual(viewsOf(name, text), [], `${name} ${text.slice(0, 20)}`);
});
