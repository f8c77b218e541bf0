// 10,000 messages, each sent when the one before has come back; says how long that took.

const WebSocket = require('ws');

const COUNT = 10000;
const ws = new WebSocket(process.env.WS_URL);
let left = COUNT;
let began = 0;
ws.on('open', () => {
  began = performance.now();
  ws.send(`message ${left}`);
});
ws.on('message', (data) => {
  if (String(data) !== `message ${left}`) throw new Error('not what was sent');
  left -= 1;
  if (left) return ws.send(`message ${left}`);
  console.log(`took ${performance.now() - began}`);
  ws.close(1000);
});
