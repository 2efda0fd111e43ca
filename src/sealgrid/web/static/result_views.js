// Shows the files of a result as people read them: tables, and bars for classes. The text stays below each of them.
const MAX_ROWS = 50;
const MAX_COLUMNS = 12;
const MAX_BARS = 12;
const MAX_CELL = 80; // characters
const MAX_VIEWS = 6;
const MAX_TEXT = 1 << 20; // characters of a file that is parsed
const LISTS = ["csv", "tsv"];

// Return the views of a file: {title, columns, rows, more} for a table, {title, bars: [{label, value}], more} for bars.
export function viewsOf(name, text) {
  if (text.length > MAX_TEXT) return [];
  const suffix = name.split(".").at(-1).toLowerCase();
  if (LISTS.includes(suffix)) return [separatedTable(text, suffix === "tsv" ? "\t" : ",")].filter(Boolean);
  if (suffix !== "json") return [];
  try {
    return jsonViews(JSON.parse(text), "").slice(0, MAX_VIEWS);
  } catch {
    return [];
  }
}

function jsonViews(value, title) {
  if (isTensor(value)) return tensorViews(value, title);
  if (Array.isArray(value)) return [arrayTable(value, title)].filter(Boolean);
  if (!isObject(value)) return [];
  const entries = Object.entries(value);
  if (entries.length > 1 && entries.every(([, each]) => typeof each === "number")) return [barsOf(title, entries)];
  const nested = entries.flatMap(([key, each]) => jsonViews(each, title ? `${title}: ${key}` : key));
  const plain = entries.filter(([, each]) => !isObject(each) && !Array.isArray(each));
  return nested.length || !plain.length ? nested : [tableOf(title, ["", "value"], plain)];
}

// An output of onnx-runner (its README, "Result").
const isTensor = (value) => isObject(value) && Array.isArray(value.shape) && typeof value.dtype === "string";

function tensorViews({ values, top, classes }, title) {
  if (top?.places) {
    const rows = asRows(top.values);
    return rows.map((row, index) => {
      const labels = asRows(top.classes ?? top.places)[index];
      return barsOf(
        rowTitle(title, index, rows),
        labels.map((label, place) => [`${label}`, row[place]]),
      );
    });
  }
  const rows = asRows(values);
  const isMatrix = rows.length > 0 && rows.every((row) => row.every((cell) => !Array.isArray(cell)));
  if (!isMatrix) return [];
  if (classes && rows.length <= 3) {
    return rows.map((row, index) =>
      barsOf(
        rowTitle(title, index, rows),
        classes.map((label, place) => [`${label}`, row[place]]),
      ),
    );
  }
  const columns = classes ?? (Array.isArray(values[0]) ? rows[0].map((_, place) => `${place}`) : [""]);
  const body = Array.isArray(values[0]) ? rows : values.map((cell) => [cell]);
  return [
    tableOf(
      title,
      ["row", ...columns.map(String)],
      body.map((row, index) => [index, ...row]),
    ),
  ];
}

// Return the vectors along the last axis of one or two dimensions; none for a scalar.
function asRows(values) {
  if (!Array.isArray(values) || !values.length) return [];
  return Array.isArray(values[0]) ? values : [values];
}

const rowTitle = (title, index, rows) => (rows.length > 1 ? `${title}, row ${index}` : title);

function arrayTable(items, title) {
  if (!items.length) return null;
  if (items.every(isObject)) {
    const columns = [...new Set(items.flatMap(Object.keys))];
    return tableOf(
      title,
      columns,
      items.map((item) => columns.map((column) => item[column])),
    );
  }
  if (items.every(Array.isArray)) {
    const width = Math.max(...items.map((row) => row.length));
    return tableOf(
      title,
      Array.from({ length: width }, (_, place) => `${place}`),
      items,
    );
  }
  if (items.some((item) => isObject(item) || Array.isArray(item))) return null;
  return tableOf(
    title,
    ["", "value"],
    items.map((item, index) => [index, item]),
  );
}

function tableOf(title, columns, rows) {
  const shown = rows
    .slice(0, MAX_ROWS)
    .map((row) => columns.slice(0, MAX_COLUMNS).map((_, place) => cellText(row[place])));
  const more = [
    rows.length > MAX_ROWS ? `${rows.length - MAX_ROWS} more rows` : "",
    columns.length > MAX_COLUMNS ? `${columns.length - MAX_COLUMNS} more columns` : "",
  ];
  return { title, columns: columns.slice(0, MAX_COLUMNS), rows: shown, more: more.filter(Boolean).join(", ") };
}

// The highest first.
function barsOf(title, pairs) {
  const numbers = pairs.filter(([, value]) => typeof value === "number" && Number.isFinite(value));
  const bars = numbers.map(([label, value]) => ({ label, value })).sort((a, b) => b.value - a.value);
  const more = bars.length > MAX_BARS ? `${bars.length - MAX_BARS} more` : "";
  return { title, bars: bars.slice(0, MAX_BARS), more };
}

function separatedTable(text, separator) {
  const rows = parseSeparated(text, separator).filter((row) => row.length > 1 || row[0] !== "");
  return rows.length > 1 ? tableOf("", rows[0], rows.slice(1)) : null;
}

// RFC 4180: fields in quotation marks may contain separators, line ends and doubled quotation marks.
function parseSeparated(text, separator) {
  const rows = [[""]];
  let isQuoted = false;
  for (let place = 0; place < text.length; place += 1) {
    const letter = text[place];
    const row = rows.at(-1);
    if (isQuoted && letter === '"' && text[place + 1] === '"') {
      row[row.length - 1] += '"';
      place += 1;
    } else if (letter === '"') isQuoted = !isQuoted;
    else if (!isQuoted && letter === separator) row.push("");
    else if (!isQuoted && letter === "\n") rows.push([""]);
    else if (isQuoted || letter !== "\r") row[row.length - 1] += letter;
  }
  return rows;
}

function cellText(value) {
  if (value === undefined || value === null) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : `${value}`;
  return text.length > MAX_CELL ? `${text.slice(0, MAX_CELL - 1)}…` : text;
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

// Put the views of a text above it in its figure, and fold the text.
export function addViews(figure, name, text) {
  const views = viewsOf(name, text);
  const source = figure.querySelector("pre");
  if (!views.length || !source || figure.querySelector(".views")) return;
  const details = element("details", "");
  details.append(element("summary", "As text"));
  const shown = element("div", "", "views");
  shown.append(...views.map((view) => (view.bars ? barList(view) : table(view))));
  source.replaceWith(shown, details);
  details.append(source);
}

function table({ title, columns, rows, more }) {
  const node = element("table", "", "list");
  if (title) node.append(element("caption", title));
  const head = element("tr", "");
  head.append(...columns.map((column) => Object.assign(element("th", column), { scope: "col" })));
  const body = rows.map((row) => {
    const line = element("tr", "");
    line.append(...row.map((cell, place) => labelled(element("td", cell), columns[place])));
    return line;
  });
  node.append(wrapped("thead", [head]), wrapped("tbody", body));
  return more ? wrapped("div", [node, element("p", `${more} in the file.`, "dim")]) : node;
}

function barList({ title, bars, more }) {
  const top = Math.max(...bars.map(({ value }) => Math.abs(value)), Number.MIN_VALUE);
  const lines = bars.map(({ label, value }) => {
    const fill = element("span", "");
    fill.style.width = `${Math.max(0, (100 * value) / top)}%`;
    const track = wrapped("span", [fill]);
    track.className = "track";
    const number = Number.isInteger(value) ? `${value}` : value.toPrecision(4);
    return wrapped("li", [element("span", cellText(label)), track, element("b", number)]);
  });
  const list = Object.assign(wrapped("ul", lines), { className: "bars" });
  const parts = [
    title ? element("p", title, "dim") : "",
    list,
    more ? element("p", `${more} in the file.`, "dim") : "",
  ];
  return wrapped("div", parts.filter(Boolean));
}

function labelled(cell, label) {
  if (label) cell.dataset.label = label;
  return cell;
}

function wrapped(tag, children) {
  const node = element(tag, "");
  node.append(...children);
  return node;
}

function element(tag, textContent, className = "") {
  return Object.assign(document.createElement(tag), { textContent, className });
}

// Results that the site opened: their figures name the file, and whether the page has all of its text.
async function addViewsOfPage() {
  for (const figure of document.querySelectorAll("figure[data-file]:not([data-viewed])")) {
    figure.dataset.viewed = "";
    if (!figure.querySelector("pre")) continue;
    const isComplete = "complete" in figure.dataset;
    const text = isComplete ? figure.querySelector("pre").textContent : await textOf(figure.querySelector("a").href);
    addViews(figure, figure.dataset.file, text);
  }
}

async function textOf(address) {
  const response = await fetch(address).catch(() => null);
  return response?.ok ? response.text() : "";
}

if (globalThis.document) {
  document.addEventListener("htmx:load", addViewsOfPage);
  addViewsOfPage();
}
