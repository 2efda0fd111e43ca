// Buy a run with a wallet of one's own: the input is sealed here, and the keys that are made here stay here.
import { packed } from "./archive.js";
import { hex } from "./bytes.js";
import { checkRecord, give, sealed } from "./deposits.js";
import * as hpke from "./hpke.js";
import { keep } from "./kept.js";
import { digest } from "./typed.js";
import { words } from "./words.js";

const NO_MODEL = `0x${"0".repeat(40)}`;

// `page` signs with the wallet and speaks to this site (wallet.js).
export async function buy(form, page) {
  const provider = await page.connected();
  const said = new FormData(form);
  page.say(form, "Sealing and storing your input …");
  const archive = await packed(words(said.get("args")), said.getAll("files").filter((file) => file.name));
  const [input, key] = await Promise.all([sealed(page, new Blob([archive])), hpke.keyPair()]);
  const run = await prepared(page, said, input, key);
  const ask = async (what, typed, number) => {
    page.say(form, `Signing ${what} (${number} of 4): look at your wallet …`);
    return page.signed(provider, typed);
  };
  const signature = await ask("which vaults hold the input's key", run.typed.record, 1);
  const grantSignature = await ask("that this app may read the input", run.typed.grant, 2);
  const sign = await ask(`the request, ${run.price} in all${run.why && `, ${run.why}`}`, run.typed.request, 3);
  page.say(form, "Giving the vaults their shares of the input's key …");
  const signed = { record: run.record, signature, grant: run.grant, grant_signature: grantSignature };
  await give(page, input, run.typed.record, signed);
  const orders = run.kept.orders.with(3, { ...run.kept.orders[3], sign });
  keep("job", run.kept.task, { ...run.kept, orders, result_key: hex(key.secret).slice(2) });
  page.say(form, "Buying the run (4 of 4): look at your wallet …");
  const plan = await page.send("/wallet/runs/match", JSON.stringify({ task: run.kept.task, orders }));
  await page.follow(form, provider, plan);
}

// Return what the wallet is to sign, after a look whether it is about this run, this input and this key.
async function prepared(page, said, input, key) {
  const [app, model] = [said.get("app"), said.get("model") || NO_MODEL];
  const wanted = {
    app, model, sha256: input.sha256, commitments: input.commitments, result_key: hex(key.public),
    pool: said.get("pool").trim(),
  };
  const run = await page.send("/wallet/runs", JSON.stringify(wanted));
  checkRecord(input, run.typed.record);
  const [grant, request] = [run.typed.grant.message, run.typed.request.message];
  const params = JSON.parse(request.params).sealgrid;
  const ours = [
    grant.fileSha256 === input.sha256, grant.request === hex(digest(run.typed.request)),
    request.app === app, request.dataset === model, request.volume === "1",
    params.result_key === wanted.result_key, `${params.inputs}` === input.sha256,
  ];
  if (!ours.every(Boolean)) throw new Error("The site prepared something else than this run; nothing was signed.");
  return run;
}
