// Publishes a model or data with an external wallet. The browser seals the file; its key leaves only as shares.
import { hex, utf8ToBytes } from "./bytes.js";
import { checkRecord, depositKey, sealFile } from "./key_deposit.js";
import { storeDocument } from "./key_store.js";
import { checkOnnxFile } from "./onnx_file.js";

// `page` signs with the wallet and sends requests to this site (wallet.js).
export async function publishModel(form, page) {
  const provider = await page.connectedProvider();
  const fields = new FormData(form);
  const onProgress = (done, all) => {
    page.showStatus(form, `Sealing the file in this browser (${Math.round((100 * done) / all)} %) …`);
  };
  if (form.elements.app.selectedOptions[0].dataset.format === "onnx") await checkOnnxFile(fields.get("file"));
  const model = await sealFile(page, fields.get("file"), { metadata: utf8ToBytes(fields.get("card")), onProgress });
  if (model.vaults.includes(null)) {
    throw new Error("A vault does not answer, and a model needs all of them. Try again later.");
  }
  const plan = await prepareSale(page, fields, model);
  storeDocument("model", plan.document.model, { ...plan.document, dek: hex(model.dek).slice(2), orders: [] });
  const transactions = plan.steps.filter((step) => step.action === "send");
  await page.runSteps(form, provider, transactions);
  page.showStatus(form, "Signing which vaults hold its key: look at your wallet …");
  const signature = await page.signTypedData(provider, plan.typed.record);
  page.showStatus(form, "Signing who may use it: look at your wallet …");
  const policySignature = await page.signTypedData(provider, plan.typed.policy);
  page.showStatus(form, "Sending the vaults their shares of its key …");
  const statements = { record: plan.record, signature, policy: plan.policy, policy_signature: policySignature };
  await depositKey(page, model, plan.typed.record, statements);
  const steps = plan.steps.filter((step) => step.action !== "send");
  await page.completePlan(form, provider, { ...plan, steps });
}

// Return the statements and steps to sign; throw unless they name this file, this app and this sale.
async function prepareSale(page, fields, model) {
  const app = fields.get("app");
  const name = fields.get("name").trim() || fields.get("file").name.replace(/\.[^.]*$/, "");
  const [uses, hourly] = [Number(fields.get("uses")), Number(fields.get("uses_per_hour"))];
  const expiry = Date.parse(`${fields.get("until")}T00:00:00Z`) / 1000;
  const sale = { name, app, price: fields.get("price"), uses, expiry, uses_per_requester_hour: hourly };
  const body = { ...sale, sha256: model.sha256, commitments: model.commitments };
  const plan = await page.sendRequest("/wallet/models", JSON.stringify(body));
  checkRecord(model, plan.typed.record);
  const { order } = plan.steps.find((step) => step.action === "offer");
  const policy = plan.typed.policy.message;
  const asset = plan.typed.record.message.asset;
  const checks = [
    policy.asset === asset,
    policy.allowed.length > 0,
    policy.release === "0",
    policy.expiry === `${expiry}`,
    policy.usesPerRequesterHour === `${hourly}`,
    plan.document.model === asset,
    order.dataset === asset,
    order.apprestrict === app,
    order.volume === `${sale.uses}`,
  ];
  if (!checks.every(Boolean)) throw new Error("The site prepared a different sale; nothing was signed.");
  return plan;
}
