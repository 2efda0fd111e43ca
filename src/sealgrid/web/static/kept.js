// The keys that this browser made, in its own storage. A copy opens with the command line as well: the documents are
// those of its data folder (sealgrid/job/1, sealgrid/model/1).
const name = (kind, id) => `sealgrid-${kind}-${id}`;

// Keep a key from before anything depends on it: a page that closes must not lose a paid result, or a model.
export function keep(kind, id, content) {
  const created = Math.floor(Date.now() / 1000);
  try {
    localStorage.setItem(name(kind, id), JSON.stringify({ schema: `sealgrid/${kind}/1`, ...content, created }));
  } catch {
    throw new Error("This browser's storage is full, so the key cannot be kept; nothing was bought or registered.");
  }
}

// Return the document, or null where this browser has none.
export const kept = (kind, id) => JSON.parse(localStorage.getItem(name(kind, id)));

// Return a line with which the document is saved as a file; null where this browser has none.
export function copyOf(kind, id) {
  const content = localStorage.getItem(name(kind, id));
  if (!content) return null;
  const href = URL.createObjectURL(new Blob([content], { type: "application/json" }));
  const textContent = "Save a copy of the key";
  const link = Object.assign(document.createElement("a"), { href, download: `${id}.json`, textContent });
  const line = Object.assign(document.createElement("p"), { className: "dim" });
  line.append("Its key is in this browser alone. ", link, `; it goes into the command line's folder of ${kind}s.`);
  return line;
}
