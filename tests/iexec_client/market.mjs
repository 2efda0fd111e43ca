// Everything that iExec's SDK asks of a market: filters, pages, taking orders off, deals, and mistakes. Reads {network,
// keys, name} as JSON from stdin; tells what the SDK answered as one JSON object on stdout.
// tests/e2e/test_iexec_market.py judges it.
import { IExec } from 'iexec';
import { JsonRpcProvider, Wallet } from 'ethers';

async function read(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return JSON.parse(Buffer.concat(pieces).toString());
}

const { network, keys, name } = await read(process.stdin);
const chain = new JsonRpcProvider(network.rpc_url, undefined, { cacheTimeout: -1, pollingInterval: 100 });
const speaker = (key) =>
  new IExec(
    { ethProvider: new Wallet(key, chain) },
    { hubAddress: network.hub, iexecGatewayURL: network.market_url, smsURL: network.sms_url, confirms: 1 },
  );
const developer = speaker(keys.developer);
const stranger = speaker(keys.stranger);
const { order, orderbook } = developer;
const owner = await developer.wallet.getAddress();
const somebody = await stranger.wallet.getAddress();
const said = (error) => error.message;

const { address: app } = await developer.app.deployApp({
  owner,
  name,
  type: 'DOCKER',
  multiaddr: 'registry.example/app:1.0.0',
  checksum: `0x${'12'.repeat(32)}`,
});
async function publish(terms) {
  const signed = await order.signApporder(await order.createApporder({ app, ...terms }));
  return { signed, hash: await order.publishApporder(signed) };
}

// Eleven offers: the cheapest for a GPU and of few uses, the dearest for one requester alone
const published = [await publish({ appprice: 1, tag: ['tee', 'tdx', 'gpu'], volume: 3 })];
for (let price = 2; price <= 10; price += 1) published.push(await publish({ appprice: price, volume: 5 }));
published.push(await publish({ appprice: 11, volume: 5, requesterrestrict: somebody }));
const hashes = published.map(({ hash }) => hash);

const prices = async (filter) => {
  const { orders } = await orderbook.fetchAppOrderbook({ app, ...filter });
  return orders.map((each) => each.order.appprice);
};
const filtered = {
  forAnybody: await prices({}),
  forOneRequester: await prices({ requester: somebody }),
  forOneRequesterAlone: await prices({ requester: somebody, isRequesterStrict: true }),
  whoeverItIsFor: await prices({ requester: 'any' }),
  onAGpu: await prices({ minTag: ['gpu'] }),
  withoutAGpu: await prices({ maxTag: ['tee', 'tdx'] }),
  ofManyUses: await prices({ minVolume: 4 }),
  ofItsOwner: (await orderbook.fetchAppOrderbook({ app: 'any', appOwner: owner, pageSize: 1000, requester: 'any' })).orders
    .filter((each) => hashes.includes(each.orderHash)).length,
  ofSomebodyElse: await prices({ appOwner: somebody }),
};

// Every filter of every book at once is understood, whatever it finds
const restrictions = { dataset: somebody, workerpool: somebody, requester: somebody, app: somebody };
const strict = { isAppStrict: true, isDatasetStrict: true, isWorkerpoolStrict: true, isRequesterStrict: true };
const bounds = { minTag: [], maxTag: ['tee', 'tdx'], minVolume: 1, minTrust: 1, maxTrust: 5, category: 0, page: 1, pageSize: 10 };
const owners = { appOwner: owner, datasetOwner: owner, workerpoolOwner: owner, beneficiary: owner };
const whole = { ...restrictions, ...strict, ...bounds, ...owners };
const counts = [
  (await orderbook.fetchAppOrderbook(whole)).count,
  (await orderbook.fetchDatasetOrderbook({ ...whole, bulkOnly: true })).count,
  (await orderbook.fetchWorkerpoolOrderbook(whole)).count,
  (await orderbook.fetchRequestOrderbook(whole)).count,
];

// Pages
const first = await orderbook.fetchAppOrderbook({ app, requester: 'any', pageSize: 10 });
const second = await first.more();
const pages = {
  sizes: [first.orders.length, second.orders.length],
  counts: [first.count, second.count],
  isLast: second.more === undefined,
  inOrder: [...first.orders, ...second.orders].map((each) => each.orderHash),
};

// Mistakes, of which nothing becomes public
const spoilt = { ...published[1].signed, appprice: 0 };
const mistakes = {
  again: await order.publishApporder(published[0].signed).catch(said),
  spoilt: await order.publishApporder(spoilt).catch(said),
  ofAnother: await stranger.order.publishApporder(published[0].signed).catch(said),
  takenOffByAnother: await stranger.order.unpublishApporder(hashes[0]).catch(said),
  unknown: await orderbook.fetchApporder(`0x${'00'.repeat(32)}`).catch(said),
  largePage: await orderbook.fetchAppOrderbook({ app, pageSize: 1001 }).catch(said),
};

// Taking off: one, the last, all that are left
const takenOff = {
  one: await order.unpublishApporder(hashes[4]),
  last: await order.unpublishLastApporder(app),
  all: await order.unpublishAllApporders(app),
  left: (await orderbook.fetchAppOrderbook({ app, requester: 'any' })).count,
  nothing: await order.unpublishLastApporder(app).catch(said),
};

const deals = await developer.deal.fetchRequesterDeals(somebody, { appAddress: app, pageSize: 10 });
const dealsOfAnOrder = await developer.deal.fetchDealsByApporder(hashes[0]);
process.stdout.write(
  JSON.stringify({ app, owner, hashes, filtered, counts, pages, mistakes, takenOff, deals: [deals.count, dealsOfAnOrder.count] }),
);
