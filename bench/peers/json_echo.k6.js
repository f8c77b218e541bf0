// Connect, send JSON, compare what comes back, close: as an iteration of k6.

import ws from 'k6/ws';
import { check, fail } from 'k6';

export default function () {
  const response = ws.connect(__ENV.WS_URL, {}, (socket) => {
    socket.on('open', () => socket.send(JSON.stringify({ type: 'echo', id: 1 })));
    socket.on('message', (data) => {
      const reply = JSON.parse(data);
      check(reply, { echoed: (one) => one.type === 'echo' && one.id === 1 }) || fail(data);
      socket.close(1000);
    });
  });
  check(response, { opened: (one) => one && one.status === 101 }) || fail('not opened');
}
