// Arguments as a shell splits them: blanks part, quotation marks and a backslash keep together.
export function words(text) {
  const found = [];
  let [word, quote] = [null, ""];
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at];
    const escapes = letter === "\\" && quote !== "'" && (quote === "" || "\"\\".includes(text[at + 1]));
    if (escapes && at + 1 === text.length) throw new Error("The arguments end in a backslash.");
    if (escapes) word = (word ?? "") + text[(at += 1)];
    else if (letter === quote) quote = "";
    else if (!quote && (letter === "'" || letter === "\"")) [word, quote] = [word ?? "", letter];
    else if (quote || !/[ \t\r\n]/.test(letter)) word = (word ?? "") + letter;
    else if (word !== null) [word] = [null, found.push(word)];
  }
  if (quote) throw new Error("The arguments have an open quotation mark.");
  return word === null ? found : [...found, word];
}
