// Connect, send JSON, compare what comes back, close: as a script with the npm library `ws`.

import assert from "node:assert";
import WebSocket from "ws";

const ws = new WebSocket(process.env.WS_URL);
ws.on("open", () => ws.send(JSON.stringify({ type: "echo", id: 1 })));
ws.on("message", (data) => {
  assert.deepStrictEqual(JSON.parse(data.toString()), { type: "echo", id: 1 });
  ws.close(1000);
});
