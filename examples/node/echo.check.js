// The public echo service answers with what it was sent.
//
// checkwire: every=1m timeout=15s tags=echo
//
// This is what many scripts look like: whatever goes wrong is only logged. Run by Node alone it ends
// with exit status 0 in any case. Checkwire sees the connection, and the assertions, all the same.

const assert = require('node:assert');
const WebSocket = require('ws');

const socket = new WebSocket('wss://echo.websocket.org');
const request = { action: 'echo', message: 'hello' };

socket.on('open', () => {
  console.log('connected');
  socket.send(JSON.stringify(request));
});

socket.on('message', (data) => {
  const text = data.toString();
  try {
    const answer = JSON.parse(text);
    assert.deepStrictEqual(answer, request);
    console.log('the echo is right');
  } catch (error) {
    console.log(`not what was sent: ${text}`, error.name); // The greeting is plain text.
  }
});

socket.on('error', (error) => {
  console.error('the connection failed:', error.message);
});

socket.on('close', (code, reason) => {
  console.log(`closed with ${code}`, reason.toString());
});

setTimeout(() => socket.close(), 5000);
