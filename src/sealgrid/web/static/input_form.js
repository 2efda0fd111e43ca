// The form of a run whose app declares its inputs: checks them in the browser, before anything is sealed or sent, and
// fills in the app's example.
import { checkInputs } from "./input_check.js";
import { splitWords } from "./shell_words.js";

// Return the arguments in a run's form: its typed fields, or the words of its free field.
export function argumentsOf(form) {
  const spec = specOf(form);
  if (!spec) return splitWords(form.elements.namedItem("args")?.value ?? "");
  let missing = ""; // name of a position without a value
  return spec.arguments.flatMap((argument, index) => {
    const field = form.elements.namedItem(`arg-${index}`);
    if (argument.type === "flag") return field.checked ? [argument.name] : [];
    const text = field.value.trim();
    const values = (argument.repeated ? text.split(/\r?\n/) : [text]).filter((value) => value !== "");
    if (argument.name.startsWith("--")) return values.flatMap((value) => [argument.name, value]);
    if (values.length && missing) throw new Error(`give ${missing} too: ${argument.name} comes after it.`);
    missing ||= values.length ? "" : argument.name;
    return values;
  });
}

// Return the secrets in a run's form by number.
export function secretsOf(form) {
  const given = (specOf(form)?.secrets ?? []).map(({ number }) => [
    number,
    form.elements.namedItem(`secret-${number}`).value,
  ]);
  return Object.fromEntries(given.filter(([, secret]) => secret !== ""));
}

const specOf = (form) => (form.dataset.inputs ? JSON.parse(form.dataset.inputs) : null);

async function check(form) {
  const fields = new FormData(form);
  const files = fields.getAll("files").filter((file) => file.name);
  const [spec, model] = [specOf(form), fields.get("model")];
  const signature = model && spec.files?.tensors ? await signatureOf(model) : null;
  const inputs = { hasModel: Boolean(model), files, args: argumentsOf(form), secrets: secretsOf(form), signature };
  await checkInputs(form.dataset.appName, spec, inputs);
}

// Return a model's public signature; null where its owner published none, or it cannot be read now.
async function signatureOf(model) {
  const response = await fetch(`/models/${model}/signature.json`).catch(() => null);
  return response?.ok ? response.json() : null;
}

// Before any other handler of the form: it is submitted again, to all of them, once its inputs fit.
document.addEventListener(
  "submit",
  (event) => {
    const form = event.target;
    if (!form.dataset.inputs) return;
    if (form.dataset.checked) {
      delete form.dataset.checked;
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    check(form).then(
      () => setTimeout(() => submitAgain(form, event.submitter)), // a form ignores it while its event is dispatched
      (error) => showRefusal(form, error.message),
    );
  },
  true,
);

function submitAgain(form, submitter) {
  form.dataset.checked = "yes";
  form.requestSubmit(submitter);
}

function showRefusal(form, sentence) {
  delete form.dataset.agreed; // to a price (price_dialog.js)
  const refusal = form.querySelector(".refusal");
  refusal.textContent = `${sentence} Nothing was bought.`;
  refusal.hidden = false;
}

document.addEventListener("change", (event) => {
  const refusal = event.target.form?.querySelector(".refusal");
  if (refusal) refusal.hidden = true;
});

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-example]");
  if (!link) return;
  event.preventDefault();
  const field = document.getElementById("files");
  const response = await fetch(link.href).catch(() => null);
  if (!response?.ok) {
    showRefusal(field.form, "The example is not available now.");
    return;
  }
  const content = await response.blob();
  const transfer = new DataTransfer();
  transfer.items.add(new File([content], link.dataset.example, { type: content.type }));
  field.files = transfer.files;
  field.dispatchEvent(new Event("change", { bubbles: true }));
});

for (const form of document.querySelectorAll("form[data-inputs]")) form.noValidate = true; // the check has its own words
