// Connect, send, compare what comes back, close: as a script with the npm library `ws`.

import assert from "node:assert";
import WebSocket from "ws";

const ws = new WebSocket(process.env.WS_URL);
ws.on("open", () => ws.send("hello"));
ws.on("message", (data) => {
  assert.equal(data.toString(), "hello");
  ws.close(1000);
});
