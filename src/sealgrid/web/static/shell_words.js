// Splits arguments as a POSIX shell does: blanks separate words; quotation marks and backslashes join them.
export function splitWords(text) {
  const words = [];
  let word = null; // null between words: "" is an empty word in quotation marks
  let quote = "";
  for (let index = 0; index < text.length; index += 1) {
    const letter = text[index];
    const isEscape = letter === "\\" && quote !== "'" && (quote === "" || '"\\'.includes(text[index + 1]));
    if (isEscape && index + 1 === text.length) throw new Error("The arguments end in a backslash.");
    if (isEscape) {
      index += 1;
      word = (word ?? "") + text[index];
    } else if (letter === quote) {
      quote = "";
    } else if (!quote && (letter === "'" || letter === '"')) {
      quote = letter;
      word ??= "";
    } else if (quote || !/[ \t\r\n]/.test(letter)) {
      word = (word ?? "") + letter;
    } else if (word !== null) {
      words.push(word);
      word = null;
    }
  }
  if (quote) throw new Error("The arguments have an open quotation mark.");
  if (word !== null) words.push(word);
  return words;
}
