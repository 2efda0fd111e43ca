// The check of a run's inputs in the buyer's browser, before anything is sealed or sent: the rules and sentences of
// sealgrid.bundle.input_check. The site repeats it where it gets the files; of files that the browser seals it cannot.
import { accepts, label, mediaType, SAMPLE_BYTES } from "./media_types.js";
import { tensorFault } from "./tensor_check.js";

const MAX_QUOTED = 60;
const ARGUMENT_TYPES = {
  integer: /^[+-]?\d{1,300}$/,
  number: /^[+-]?(\d{1,300}(\.\d{0,300})?|\.\d{1,300})(e[+-]?\d{1,3})?$/i,
};

// Throw an Error with one sentence for inputs that the app does not take: {hasModel, files, args, secrets, signature};
// the signature is the model's, null if its owner published none.
export async function checkInputs(app, spec, { hasModel, files, args, secrets, signature = null }) {
  checkModel(app, spec, hasModel);
  checkCount(app, spec, hasModel, files.length);
  for (const file of files) await checkFile(app, spec.files, file);
  checkArguments(app, spec, args);
  const missing = spec.secrets.find(({ number, required }) => required && !(number in secrets));
  if (missing) throw new Error(`${app} needs the secret ${missing.number}${about(missing.help)}; give it.`);
  for (const file of spec.files?.tensors && signature ? files : []) {
    const fault = await tensorFault(signature.inputs, await typeOf(file), file);
    if (fault) throw new Error(`${quoted(file.name)} does not fit the model: ${fault}.`);
  }
}

function checkModel(app, spec, hasModel) {
  const format = spec.model_format && ` of the format ${spec.model_format}`;
  if (spec.model === "required" && !hasModel) {
    throw new Error(`${app} needs a model or data${format}, and none is named; choose one that is sold for it.`);
  }
  if (spec.model === "none" && hasModel) throw new Error(`${app} takes no model and no data; leave it out.`);
}

function checkCount(app, { files, model_or_file: either }, hasModel, count) {
  const given = count === 0 ? "none was given" : `${count} ${count === 1 ? "was" : "were"} given`;
  if (!files) {
    if (count) throw new Error(`${app} takes no files, and ${given}; leave them out.`);
    return;
  }
  if (either && !hasModel && !count) throw new Error(`${app} needs a model, data or a file, and none was given.`);
  if (files.min <= count && count <= files.max) return;
  const isTooFew = count < files.min;
  const bound = isTooFew ? files.min : files.max;
  const exactly = files.min === files.max ? "" : isTooFew ? "at least " : "at most ";
  throw new Error(
    `${app} ${isTooFew ? "needs" : "takes"} ${exactly}${bound} file${bound === 1 ? "" : "s"}, and ${given}.`,
  );
}

async function checkFile(app, files, file) {
  const shown = quoted(file.name);
  if (file.size > files.max_bytes) {
    const [size, limit] = [file.size, files.max_bytes].map((count) => count.toLocaleString("en-US"));
    throw new Error(`${shown} has ${size} bytes, and ${app} takes at most ${limit} in a file.`);
  }
  if (!files.media_types.length) return;
  if (!file.size) throw new Error(`${shown} is empty.`);
  const found = await typeOf(file);
  if (!accepts(files.media_types, found)) {
    throw new Error(`${shown} is ${label(found)}, and ${app} takes ${joinWords(files.media_types.map(label))}.`);
  }
}

async function typeOf(file) {
  return mediaType(file.name, new Uint8Array(await file.slice(0, SAMPLE_BYTES).arrayBuffer()));
}

function checkArguments(app, spec, args) {
  const options = new Map(spec.arguments.filter(isOption).map((each) => [each.name, each]));
  const positional = spec.arguments.filter((each) => !isOption(each));
  const given = new Set();
  const words = [...args];
  while (words.length) {
    const word = words.shift();
    const [argument, value] = word.startsWith("--")
      ? takeOption(app, options, word, words)
      : [takePositional(app, positional, options, word), word];
    if (isOption(argument) && !argument.repeated && given.has(argument.name)) {
      throw new Error(`${app} takes ${argument.name} once.`);
    }
    const fault = argument.type === "flag" ? null : valueFault(argument, value);
    if (fault) throw new Error(`${app} takes ${fault} as ${argument.name}, not ${quoted(value)}.`);
    given.add(argument.name);
  }
  const missing = spec.arguments.find((each) => each.required && !given.has(each.name));
  if (missing) throw new Error(`${app} needs the argument ${missing.name}${hint(missing)}.`);
}

const isOption = (argument) => argument.name.startsWith("--");

function takePositional(app, positional, options, word) {
  if (!positional.length) throw new Error(`${app} takes ${taken(options)}, not ${quoted(word)}.`);
  return positional[0].repeated ? positional[0] : positional.shift();
}

// Return an option and its value, which may be the next word.
function takeOption(app, options, word, rest) {
  const [name, value] = splitOnce(word, "=");
  const argument = options.get(name);
  if (!argument) {
    const [first, second] = splitOnce(word, " ");
    if (options.has(first) && second) {
      throw new Error(`${quoted(word)} joins a name and a value; give two arguments: ${first} and ${quoted(second)}.`);
    }
    throw new Error(`${app} has no argument ${quoted(name)}; it takes ${taken(options)}.`);
  }
  if (argument.type === "flag") {
    if (value !== undefined) throw new Error(`${name} of ${app} takes no value; leave out ${quoted(`=${value}`)}.`);
    return [argument, ""];
  }
  if (value === undefined && !rest.length) throw new Error(`${name} of ${app} needs a value${hint(argument)}.`);
  return [argument, value ?? rest.shift()];
}

function valueFault(argument, value) {
  if (argument.choices.length) return argument.choices.includes(value) ? null : `one of ${argument.choices.join(", ")}`;
  if (argument.type === "text") return null;
  const { minimum: low, maximum: high } = argument;
  const number = ARGUMENT_TYPES[argument.type].test(value) ? Number(value) : Number.NaN;
  if (Number.isFinite(number) && (low === null || number >= low) && (high === null || number <= high)) return null;
  const kind = argument.type === "integer" ? "a whole number" : "a number";
  if (low !== null && high !== null) return `${kind} from ${low} to ${high}`;
  if (low !== null) return `${kind} of at least ${low}`;
  return high === null ? kind : `${kind} of at most ${high}`;
}

function splitOnce(text, separator) {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

const taken = (options) => (options.size ? joinWords([...options.keys()].sort(), "and") : "no arguments");

function hint(argument) {
  if (argument.choices.length) return `: ${joinWords(argument.choices)}`;
  return about(argument.help);
}

const about = (help) => (help ? ` (${help.replace(/\.+$/, "")})` : "");

function joinWords(words, last = "or") {
  return words.length > 1 ? `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}` : words.join("");
}

// Quote a text for a sentence: bounded, with a question mark for what is not printable.
function quoted(text) {
  const letters = [...text];
  const shown = letters.length <= MAX_QUOTED ? letters : [...letters.slice(0, MAX_QUOTED - 1), "…"];
  return `'${shown.map((letter) => (letter !== " " && /[\p{C}\p{Z}]/u.test(letter) ? "?" : letter)).join("")}'`;
}
