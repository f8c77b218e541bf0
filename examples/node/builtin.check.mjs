// The same with the WebSocket that Node has of its own.
//
// checkwire: every=1m timeout=15s tags=echo

import assert from 'node:assert';

const request = { action: 'echo', message: 'hello' };
const socket = new WebSocket('wss://echo.websocket.org');

socket.addEventListener('open', () => socket.send(JSON.stringify(request)));
socket.addEventListener('message', ({ data }) => {
  if (!data.startsWith('{')) return console.log('greeting:', data);
  assert.deepStrictEqual(JSON.parse(data), request);
  socket.close();
});
