// Fetching a page again, and putting in place what differs: the elements marked data-live.
let latest = 0;

export async function refresh(address = location.href) {
  const turn = ++latest;
  const response = await fetch(address, { headers: { Accept: "text/html" } });
  if (response.redirected && new URL(response.url).pathname === "/login") location.reload();
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const text = await response.text();
  if (turn !== latest) return; // a later one is under way
  swap(new DOMParser().parseFromString(text, "text/html"));
}

function swap(fresh) {
  const before = document.getElementById("lead")?.dataset.status;
  const focused = document.activeElement?.id;
  const open = new Set([...document.querySelectorAll("details[open][id]")].map((d) => d.id));
  const view = document.querySelector("#frame [name=view]:checked")?.value;
  const ended = document.documentElement.dataset.live && !fresh.documentElement.dataset.live;
  const parts = [...fresh.querySelectorAll("[data-live][id]")].map((part) => part.id);
  const places = [...document.querySelectorAll("[data-live][id]")].map((part) => part.id);
  if (ended || parts.join() !== places.join()) {
    // What was going on is over, or there are parts that were not there before: take all of it.
    if (ended) delete document.documentElement.dataset.live;
    put(document.getElementById("main"), fresh.getElementById("main"), open);
  } else {
    for (const id of parts) put(document.getElementById(id), fresh.getElementById(id), open);
  }
  put(document.getElementById("keys"), fresh.getElementById("keys"), open);
  const same = document.querySelector(`#frame [name=view][value=${view}]`);
  if (same) same.checked = true;
  if (focused && document.activeElement?.id !== focused) {
    document.getElementById(focused)?.focus({ preventScroll: true });
  }
  document.title = fresh.title;
  const icon = fresh.getElementById("icon");
  if (icon) document.getElementById("icon").href = icon.href;
  const lead = document.getElementById("lead");
  if (lead && before !== undefined && lead.dataset.status !== before) {
    document.getElementById("announce").textContent = lead.dataset.said;
  }
  document.dispatchEvent(new CustomEvent("checkwire:swapped"));
}

function put(old, now, open) {
  if (now.outerHTML === old.outerHTML) return;
  for (const details of now.querySelectorAll("details[id]")) {
    if (open.has(details.id)) details.open = true;
  }
  old.replaceWith(document.adoptNode(now));
}
