// Publish a model or data with a wallet of one's own: the file is sealed here, and its key leaves only in shares.
import { hex, utf8ToBytes } from "./bytes.js";
import { checkRecord, give, sealed } from "./deposits.js";
import { keep } from "./kept.js";

// `page` signs with the wallet and speaks to this site (wallet.js).
export async function publish(form, page) {
  const provider = await page.connected();
  const said = new FormData(form);
  const file = said.get("file");
  const told = (done, all) => page.say(form, `Sealing the file in this browser (${Math.round((100 * done) / all)} %) …`);
  const model = await sealed(page, file, { metadata: utf8ToBytes(said.get("card")), told });
  if (model.vaults.includes(null)) throw new Error("A vault does not answer, and a model needs all; try again when it does.");
  const plan = await prepared(page, said, model);
  keep("model", plan.kept.model, { ...plan.kept, dek: hex(model.dek).slice(2), orders: [] });
  await page.does(form, provider, plan.steps.filter((step) => step.do === "send"));
  page.say(form, "Signing which vaults hold its key: look at your wallet …");
  const signature = await page.signed(provider, plan.typed.record);
  page.say(form, "Signing who may use it: look at your wallet …");
  const policySignature = await page.signed(provider, plan.typed.policy);
  page.say(form, "Giving the vaults their shares of its key …");
  const signed = { record: plan.record, signature, policy: plan.policy, policy_signature: policySignature };
  await give(page, model, plan.typed.record, signed);
  await page.follow(form, provider, { ...plan, steps: plan.steps.filter((step) => step.do !== "send") });
}

// Return what the wallet is to sign, after a look whether it is about this file and this app.
async function prepared(page, said, model) {
  const app = said.get("app");
  const name = said.get("name").trim() || said.get("file").name.replace(/\.[^.]*$/, "");
  const sale = { name, app, price: said.get("price"), uses: Number(said.get("uses")) };
  const wanted = { ...sale, sha256: model.sha256, commitments: model.commitments };
  const plan = await page.send("/wallet/models", JSON.stringify(wanted));
  checkRecord(model, plan.typed.record);
  const { order } = plan.steps.find((step) => step.do === "offer");
  const policy = plan.typed.policy.message;
  const asset = plan.typed.record.message.asset;
  const ours = [
    policy.asset === asset, policy.allowed.length > 0, policy.release === "0", plan.kept.model === asset,
    order.dataset === asset, order.apprestrict === app, order.volume === `${sale.uses}`,
  ];
  if (!ours.every(Boolean)) throw new Error("The site prepared something else than this sale; nothing was signed.");
  return plan;
}
