// The same as `json_echo.mjs`, as a test of Playwright that needs no browser.

import { expect, test } from "@playwright/test";
import WebSocket from "ws";

test("echo", async () => {
  const ws = new WebSocket(process.env.WS_URL);
  await new Promise((resolve) => ws.once("open", resolve));
  const reply = new Promise((resolve) => ws.once("message", resolve));
  ws.send(JSON.stringify({ type: "echo", id: 1 }));
  expect(JSON.parse((await reply).toString())).toEqual({ type: "echo", id: 1 });
  const closed = new Promise((resolve) => ws.once("close", resolve));
  ws.close(1000);
  await closed;
});
