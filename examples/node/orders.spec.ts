// A subscriber gets order updates: log in over HTTP, open the socket, subscribe, wait for an order.
//
// checkwire: every=1m timeout=30s tags=orders needs=LOGIN_API,ORDERS_URL,API_KEY
//
// A file of Playwright's tests, as Checkly's multistep checks are. It is run by the Playwright that is
// installed beside it (npm install @playwright/test), when it is named:
//
//   checkwire test orders.spec.ts

import { on, once } from 'node:events';
import { expect, test } from '@playwright/test';
import { WebSocket } from 'ws';

interface Message {
  type: string;
  status?: string;
}

const { LOGIN_API, ORDERS_URL = '', API_KEY } = process.env;

test('order updates', async ({ request }) => {
  const token = await test.step('log in', async () => {
    const reply = await request.post(`${LOGIN_API}/login`, { data: { key: API_KEY } });
    expect(reply.status()).toBe(200);
    return (await reply.json()).token as string;
  });

  const socket = new WebSocket(ORDERS_URL, { headers: { Authorization: `Bearer ${token}` } });
  const messages = on(socket, 'message');
  const next = async (type: string): Promise<Message> => {
    for (;;) {
      const { value: [data] } = await messages.next();
      const message = JSON.parse(String(data)) as Message;
      if (message.type === type) return message;
    }
  };

  await test.step('subscribe', async () => {
    await once(socket, 'open');
    socket.send(JSON.stringify({ action: 'subscribe', channel: 'updates' }));
    expect(await next('ack')).toMatchObject({ channel: 'updates' });
  });

  await test.step('first update', async () => {
    const update = await next('order');
    expect(['open', 'filled', 'cancelled']).toContain(update.status);
  });

  socket.close(1000);
  await once(socket, 'close');
});

test('who has no token gets nothing', async ({ request }) => {
  const reply = await request.get(`${LOGIN_API}/me`);
  expect(reply.status()).toBe(401);
});
