// iExec's SDK, unmodified, against a running local network. Reads {network, keys, file, bundle, group, appText, requesterText} as JSON
// from stdin; tells what the SDK answered as one JSON object on stdout. tests/e2e/test_iexec_client.py judges it.
import { generateKeyPairSync } from 'node:crypto';
import { IExec } from 'iexec';
import { DATASET_INFINITE_VOLUME, decryptResult } from 'iexec/utils';
import { JsonRpcProvider, Wallet } from 'ethers';
import { create } from 'kubo-rpc-client';
import { io } from 'socket.io-client';

const TAG = ['tee', 'tdx'];
const TYPES = ['apporder', 'datasetorder', 'workerpoolorder', 'requestorder'];

async function read(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return JSON.parse(Buffer.concat(pieces).toString());
}

const { network, keys, file, bundle, group, appText, requesterText } = await read(process.stdin);
const said = (error) => `${error.errors ?? ''} ${error.message}`;

function speaker(key) {
  // By default ethers believes an account's nonce for 250 ms, in which a local chain has mined its transaction.
  const chain = new JsonRpcProvider(network.rpc_url, undefined, { cacheTimeout: -1, pollingInterval: 100 });
  const ethProvider = new Wallet(key, chain);
  return new IExec(
    { ethProvider },
    {
      hubAddress: network.hub,
      iexecGatewayURL: network.market_url,
      ipfsNodeURL: network.storage_url,
      ipfsGatewayURL: network.storage_url,
      smsURL: network.sms_url,
      compassURL: network.pool_url,
      confirms: 1,
    },
  );
}

const { developer, owner, pool, patron, requester } = Object.fromEntries(
  Object.entries(keys).map(([name, key]) => [name, speaker(key)]),
);
const requesterAddress = await requester.wallet.getAddress();

// The requester is new here: what the chain gives back to it for its task later is seen in nobody else's accounts
await patron.wallet.sendETH(10n ** 17n, requesterAddress);
await patron.wallet.sendRLC(21, requesterAddress);
await requester.account.deposit(21);

// Assets
const { address: app } = await developer.app.deployApp({
  owner: await developer.wallet.getAddress(),
  name: `an app for ${requesterAddress}`, // assets have their address from what they are called
  type: 'DOCKER',
  multiaddr: bundle.location,
  checksum: bundle.digest,
});
const appSecret = {
  before: await developer.app.checkAppSecretExists(app),
  byStranger: await patron.app.pushAppSecret(app, 'a stranger').catch(said),
  pushed: await developer.app.pushAppSecret(app, appText),
  after: await developer.app.checkAppSecretExists(app),
  again: await developer.app.pushAppSecret(app, 'another').catch(said),
};
const key = owner.dataset.generateEncryptionKey();
const encrypted = await owner.dataset.encrypt(Buffer.from(file), key);
const { cid } = await create({ url: network.storage_url }).add(encrypted);
const { address: dataset } = await owner.dataset.deployDataset({
  owner: await owner.wallet.getAddress(),
  name: 'a dataset of the SDK',
  multiaddr: `/ipfs/${cid}`,
  checksum: await owner.dataset.computeEncryptedFileChecksum(encrypted),
});

// The dataset's key goes to the vaults by iExec's route, once; before that the SDK signs no order for it
const datasetorder = await owner.order.createDatasetorder({
  dataset,
  datasetprice: 3,
  volume: 2,
  tag: TAG,
  apprestrict: app,
});
const secret = {
  before: await owner.dataset.checkDatasetSecretExists(dataset),
  unsigned: await owner.order.signDatasetorder(datasetorder).catch(said),
  byStranger: await patron.dataset.pushDatasetSecret(dataset, key).catch(said),
  pushed: await owner.dataset.pushDatasetSecret(dataset, key),
  after: await owner.dataset.checkDatasetSecretExists(dataset),
  again: await owner.dataset.pushDatasetSecret(dataset, key).catch(said),
};

// A secret of the requester's, by a name of its own
const requesterSecret = {
  before: await requester.secrets.checkRequesterSecretExists(requesterAddress, 'api-key'),
  pushed: await requester.secrets.pushRequesterSecret('api-key', requesterText),
  after: await requester.secrets.checkRequesterSecretExists(requesterAddress, 'api-key'),
  again: await requester.secrets.pushRequesterSecret('api-key', 'another').catch(said),
  ofAnother: await requester.secrets.checkRequesterSecretExists(await patron.wallet.getAddress(), 'api-key'),
};

// The requester's RSA key for results, and another one in its place
const pair = () =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
const [{ publicKey: first }, { publicKey: second, privateKey }] = [pair(), pair()];
const resultKey = {
  before: await requester.result.checkResultEncryptionKeyExists(requesterAddress),
  pushed: await requester.result.pushResultEncryptionKey(first),
  again: await requester.result.pushResultEncryptionKey(second).catch(said),
  updated: await requester.result.pushResultEncryptionKey(second, { forceUpdate: true }),
  // as two browsers of one account, each with a key of its own
  returned: await requester.result.pushResultEncryptionKey(first, { forceUpdate: true }),
  updatedAgain: await requester.result.pushResultEncryptionKey(second, { forceUpdate: true }),
  after: await requester.result.checkResultEncryptionKeyExists(requesterAddress),
  pem: second,
};

// The four orders: each for these partners alone, so that nobody else's deal meets them. The app's names a group
// (ERC-734) that the requester is in
const orders = {
  apporder: await developer.order.signApporder(
    await developer.order.createApporder({ app, appprice: 2, volume: 3, tag: TAG, requesterrestrict: group }),
  ),
  datasetorder: await owner.order.signDatasetorder(datasetorder),
  workerpoolorder: await pool.order.signWorkerpoolorder(
    await pool.order.createWorkerpoolorder({
      workerpool: network.workerpool,
      category: network.short_category,
      workerpoolprice: 3, // the pool stakes 30 per cent of it, rounded down: nothing
      volume: 3,
      tag: TAG,
      apprestrict: app,
    }),
  ),
};
async function requestorder(params, others = { dataset }) {
  const order = await requester.order.createRequestorder({
    app,
    workerpool: network.workerpool,
    category: network.short_category,
    appmaxprice: 2,
    datasetmaxprice: 3,
    workerpoolmaxprice: 3,
    tag: TAG,
    params,
    ...others,
  });
  return requester.order.signRequestorder(order);
}
orders.requestorder = await requestorder({ iexec_args: 'hello', iexec_secrets: { 1: 'api-key', 3: 'api-key' } });
const published = {
  apporder: await developer.order.publishApporder(orders.apporder),
  datasetorder: await owner.order.publishDatasetorder(orders.datasetorder),
  workerpoolorder: await pool.order.publishWorkerpoolorder(orders.workerpoolorder),
  requestorder: await requester.order.publishRequestorder(orders.requestorder),
};
const { orderbook } = requester;
const fetched = {
  apporder: await orderbook.fetchApporder(published.apporder),
  datasetorder: await orderbook.fetchDatasetorder(published.datasetorder),
  workerpoolorder: await orderbook.fetchWorkerpoolorder(published.workerpoolorder),
  requestorder: await orderbook.fetchRequestorder(published.requestorder),
};
const books = {
  apporder: await orderbook.fetchAppOrderbook({ app, requester: 'any' }),
  datasetorder: await orderbook.fetchDatasetOrderbook({ dataset, app }),
  workerpoolorder: await orderbook.fetchWorkerpoolOrderbook({ workerpool: network.workerpool, app }),
  requestorder: await orderbook.fetchRequestOrderbook({ app, dataset, workerpool: network.workerpool }),
};

// A bulk of datasets: their orders, free and without end, go to IPFS in slices
const free = await owner.order.signDatasetorder(
  await owner.order.createDatasetorder({ dataset, volume: DATASET_INFINITE_VOLUME, tag: TAG, apprestrict: app }),
);
const bulk = await requester.order.prepareDatasetBulk([free]);

// The deal, of the orders as the market gave them; whoever listens to the market's feed hears of it
const feed = io(network.market_url, { path: '/ws' });
const dealsHeard = [];
feed.on('deal_created', (heard) => dealsHeard.push(heard));
await new Promise((joined) => feed.emit('join', { chainId: network.chain, topic: 'deals' }, joined));
const { dealid } = await requester.order.matchOrders(
  Object.fromEntries(TYPES.map((type) => [type, fetched[type].order])),
);
const deal = await requester.deal.show(dealid);
const taskid = deal.tasks['0'];

async function until(ask) {
  for (const end = Date.now() + 100_000; ; await new Promise((done) => setTimeout(done, 200))) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}
async function completed(id) {
  return until(async () => {
    const shown = await requester.task.show(id);
    if (shown.statusName !== 'COMPLETED') throw new Error(`the task is ${shown.statusName}`);
    return shown;
  });
}
async function resultOf(id) {
  return Buffer.from(await (await requester.task.fetchResults(id)).arrayBuffer());
}
const dealHeard = await until(() => {
  const heard = dealsHeard.find((each) => each.dealid === dealid);
  if (!heard) throw new Error(`nobody said that there is the deal ${dealid}`);
  return heard;
});
feed.close();
const task = await completed(taskid);
const offchain = await until(() => requester.task.fetchOffchainInfo(taskid));
const logs = await requester.task.fetchLogs(taskid);
const logsOfAnother = await patron.task.fetchLogs(taskid).catch(said);
const result = await resultOf(taskid);

// Once more, with the result encrypted for the RSA key
const { dealid: secretDealid } = await requester.order.matchOrders({
  ...orders,
  requestorder: await requestorder({ iexec_args: 'privately', iexec_result_encryption: true }),
});
const secretTaskid = (await requester.deal.show(secretDealid)).tasks['0'];
await completed(secretTaskid);
const sealed = await resultOf(secretTaskid);
const decrypted = await decryptResult(sealed, privateKey);

// The bulk: a deal without a dataset, whose task uses those of its slice
const { dealid: bulkDealid } = await requester.order.matchOrders({
  apporder: orders.apporder,
  workerpoolorder: orders.workerpoolorder,
  requestorder: await requestorder({ iexec_args: 'in bulk', bulk_cid: bulk.cid }, { volume: bulk.volume }),
});
const bulkTaskid = (await requester.deal.show(bulkDealid)).tasks['0'];
await completed(bulkTaskid);
const ofBulk = await resultOf(bulkTaskid);

process.stdout.write(
  JSON.stringify({
    app: await developer.app.showApp(app),
    dataset: await owner.dataset.showDataset(dataset),
    cid: cid.toString(),
    bulk,
    encrypted: encrypted.toString('hex'),
    key,
    secret,
    appSecret,
    requesterSecret,
    resultKey,
    published,
    fetched,
    found: Object.fromEntries(TYPES.map((type) => [type, books[type].orders.map((entry) => entry.orderHash)])),
    dealid,
    deal,
    dealHeard,
    taskid,
    task,
    offchain,
    logs,
    logsOfAnother,
    result: result.toString('hex'),
    sealed: sealed.toString('hex'),
    decrypted: decrypted.toString('hex'),
    secretTaskid,
    bulkTaskid,
    ofBulk: ofBulk.toString('hex'),
  }),
);
