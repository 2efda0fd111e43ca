// Buys a run with an external wallet. The browser seals the input and generates the result key; neither key leaves it
// unsealed.
import { packInput } from "./archive.js";
import { hex } from "./bytes.js";
import * as hpke from "./hpke.js";
import { argumentsOf, secretsOf } from "./input_form.js";
import { checkRecord, depositKey, sealFile } from "./key_deposit.js";
import { storeDocument } from "./key_store.js";
import { digest } from "./typed_data.js";

const NO_MODEL = `0x${"0".repeat(40)}`;

// `page` signs with the wallet and sends requests to this site (wallet.js).
export async function buyRun(form, page) {
  const provider = await page.connectedProvider();
  const fields = new FormData(form);
  page.showStatus(form, "Sealing and storing your input …");
  const files = fields.getAll("files").filter((file) => file.name);
  const archive = await packInput(argumentsOf(form), files, secretsOf(form));
  const [input, resultKey] = await Promise.all([sealFile(page, new Blob([archive])), hpke.generateKeyPair()]);
  const run = await prepareRun(page, fields, input, resultKey);
  const sign = async (subject, typed, number) => {
    page.showStatus(form, `Signing ${subject} (${number} of 4): look at your wallet …`);
    return page.signTypedData(provider, typed);
  };
  const signature = await sign("which vaults hold the input's key", run.typed.record, 1);
  const grantSignature = await sign("that this app may read the input", run.typed.grant, 2);
  const price = `${run.price} in all${run.why && `, ${run.why}`}`;
  const requestSignature = await sign(`the request, ${price}`, run.typed.request, 3);
  page.showStatus(form, "Sending the vaults their shares of the input's key …");
  const statements = { record: run.record, signature, grant: run.grant, grant_signature: grantSignature };
  await depositKey(page, input, run.typed.record, statements);
  const orders = run.document.orders.with(3, { ...run.document.orders[3], sign: requestSignature });
  const { task } = run.document;
  storeDocument("job", task, { ...run.document, orders, result_key: hex(resultKey.secret).slice(2) });
  page.showStatus(form, "Buying the run (4 of 4): look at your wallet …");
  const plan = await page.sendRequest("/wallet/runs/match", JSON.stringify({ task, orders }));
  await page.completePlan(form, provider, plan);
}

// Return the statements to sign; throw unless they name this run, this input and this result key.
async function prepareRun(page, fields, input, resultKey) {
  const [app, model] = [fields.get("app"), fields.get("model") || NO_MODEL];
  const body = {
    app,
    model,
    sha256: input.sha256,
    commitments: input.commitments,
    result_key: hex(resultKey.public),
    pool: fields.get("pool").trim(),
    max_price: fields.get("max_price"),
  };
  const run = await page.sendRequest("/wallet/runs", JSON.stringify(body));
  checkRecord(input, run.typed.record);
  const [grant, request] = [run.typed.grant.message, run.typed.request.message];
  const params = JSON.parse(request.params).sealgrid;
  const price = BigInt(request.appmaxprice) + BigInt(request.datasetmaxprice) + BigInt(request.workerpoolmaxprice);
  const checks = [
    grant.fileSha256 === input.sha256,
    grant.request === hex(digest(run.typed.request)),
    request.app === app,
    request.dataset === model,
    request.volume === "1",
    price <= BigInt(body.max_price.split(" ")[0]),
    params.result_key === body.result_key,
    `${params.inputs}` === input.sha256,
  ];
  if (!checks.every(Boolean)) throw new Error("The site prepared a different run; nothing was signed.");
  return run;
}
