// The server says that something changed; the page then fetches itself again.
// A page that is not seen lets go of its stream: browsers allow six connections per host.
import { refresh } from "./swap.js";

let source = null;
let lost = false;

export function listen() {
  const address = document.documentElement.dataset.live;
  if (!address) return;
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open(true)));
  addEventListener("pagehide", close);
  if (!document.hidden) open(false);
}

function open(late) {
  const address = document.documentElement.dataset.live;
  if (!address || source) return;
  source = new EventSource(address);
  source.addEventListener("change", update);
  source.addEventListener("over", async () => {
    close();
    await update();
  });
  source.addEventListener("open", () => {
    offline(false);
    if (lost || late) update();
    lost = late = false;
  });
  source.addEventListener("error", () => {
    lost = true;
    offline(true);
    if (source?.readyState !== EventSource.CLOSED) return; // it tries again by itself
    close();
    setTimeout(() => document.hidden || open(true), 5000);
    update(); // if it is for want of a session, this leads to the login
  });
}

function close() {
  source?.close();
  source = null;
}

async function update() {
  try {
    await refresh();
    offline(false);
  } catch {
    offline(true);
  }
}

function offline(is) {
  document.getElementById("offline").hidden = !is;
}
