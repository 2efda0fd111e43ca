// The market's feed as a dApp listens to it, with the Socket.IO client that iExec's own example uses, while iExec's SDK
// publishes. Reads {network, key, name} as JSON from stdin; tells what was done and heard as one JSON object on stdout.
// tests/e2e/test_iexec_feed.py judges it.
import { IExec } from 'iexec';
import { JsonRpcProvider, Wallet } from 'ethers';
import { io } from 'socket.io-client';

async function read(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return JSON.parse(Buffer.concat(pieces).toString());
}

const { network, key, name } = await read(process.stdin);
const chain = new JsonRpcProvider(network.rpc_url, undefined, { cacheTimeout: -1, pollingInterval: 100 });
const developer = new IExec(
  { ethProvider: new Wallet(key, chain) },
  { hubAddress: network.hub, iexecGatewayURL: network.market_url, smsURL: network.sms_url, confirms: 1 },
);

// Polling first and then a WebSocket, as the client does unless it is told otherwise
const socket = io(network.market_url, { path: '/ws' });
const heard = [];
const waiting = [];
socket.onAny((event, message) => {
  heard.push([event, message]);
  for (const look of [...waiting]) look();
});
const join = (topic) =>
  new Promise((done) => socket.emit('join', { chainId: network.chain, topic }, (...said) => done(said)));

// Others trade here too: only what is about this app is waited for, and told
function hears(event, orderHash) {
  return new Promise((done, fail) => {
    const late = setTimeout(() => fail(new Error(`nobody said ${event} of ${orderHash}`)), 60_000);
    const look = () => {
      const found = heard.find(([said, message]) => said === event && (message.orderHash ?? message) === orderHash);
      if (!found) return;
      clearTimeout(late);
      waiting.splice(waiting.indexOf(look), 1);
      done(found[1]);
    };
    waiting.push(look);
    look();
  });
}

const joined = [await join('orders'), await join('deals'), await join('sandwiches')];
const { address: app } = await developer.app.deployApp({
  owner: await developer.wallet.getAddress(),
  name,
  type: 'DOCKER',
  multiaddr: 'registry.example/app:1.0.0',
  checksum: `0x${'12'.repeat(32)}`,
});
async function publish(appprice) {
  const order = await developer.order.signApporder(await developer.order.createApporder({ app, appprice }));
  return { order, hash: await developer.order.publishApporder(order) };
}

const first = await publish(1);
const published = await hears('apporder_published', first.hash);
const fetched = await developer.orderbook.fetchApporder(first.hash);
await developer.order.unpublishApporder(first.hash);
const unpublished = await hears('apporder_unpublished', first.hash);

const second = await publish(2);
await hears('apporder_published', second.hash);
await developer.order.cancelApporder(second.order);
const cancelled = await hears('apporder_unpublished', second.hash);

const transport = socket.io.engine.transport.name;
socket.close();
process.stdout.write(
  JSON.stringify({ joined, first: first.hash, second: second.hash, published, fetched, unpublished, cancelled, transport }),
);
