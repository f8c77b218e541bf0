// The same in TypeScript, waiting for the answer instead of for five seconds.
//
// checkwire: every=1m timeout=15s tags=echo

import assert from 'node:assert';
import { WebSocket } from 'ws';

interface Request {
  action: 'echo';
  message: string;
}

const request: Request = { action: 'echo', message: 'hello' };
const socket = new WebSocket('wss://echo.websocket.org');

socket.on('open', () => socket.send(JSON.stringify(request)));

const answer = await new Promise<Request>((resolve, reject) => {
  socket.on('message', (data: Buffer) => {
    const text = data.toString();
    if (text.startsWith('{')) resolve(JSON.parse(text) as Request);
    else console.log('greeting:', text);
  });
  socket.on('error', reject);
  socket.on('close', (code: number) => reject(new Error(`closed with ${code}, without an echo`)));
});

assert.deepStrictEqual(answer, request);
socket.close();
