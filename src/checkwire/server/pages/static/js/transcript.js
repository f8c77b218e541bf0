// Frames: chosen by pointer or keys, filtered while typing. Addresses stay in step, so that a
// page that is loaded again, or sent to somebody, shows the same.
import { refresh } from "./swap.js";

const details = new Map();

export function transcript() {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const copy = event.target.closest("[data-copy]");
    if (copy) return copyPayload(copy);
    const stem = event.target.closest("a[data-frame]");
    const row = event.target.closest(".fw[data-frame]");
    if (!stem && !row) return;
    if (row && !stem && String(getSelection())) return; // text is being marked
    event.preventDefault();
    choose((stem || row).dataset.frame);
  });
  document.addEventListener("input", (event) => {
    if (event.target.closest("#filter")) filter();
  });
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "filter") return;
    event.preventDefault();
    filter();
  });
  document.addEventListener("checkwire:swapped", mark);
  mark();
}

export function rows() {
  return [...document.querySelectorAll(".fw[data-frame]")];
}

export function chosen() {
  return document.getElementById("rows")?.dataset.frame || "";
}

export async function choose(key, { scroll = true } = {}) {
  const grid = document.getElementById("rows");
  if (!grid) return;
  const address = new URL(location.href);
  address.searchParams.set("frame", key);
  const attempt = document.querySelector("#filter [name=attempt]")?.value;
  if (attempt) address.searchParams.set("attempt", attempt);
  address.hash = "";
  history.replaceState(null, "", address);
  grid.dataset.frame = key;
  mark();
  const row = document.getElementById(`f${key.replace(".", "-")}`);
  if (row && scroll) row.scrollIntoView({ block: "nearest" });
  if (!row) return refresh(address.href); // it is on another page
  const aside = document.getElementById("frame");
  const live = document.documentElement.dataset.live;
  const query = `${location.pathname}/frame?attempt=${attempt || 0}&frame=${key}`;
  let text = details.get(query);
  if (text === undefined) {
    const response = await fetch(query);
    if (!response.ok) return;
    text = await response.text();
    if (!live) details.set(query, text);
  }
  if (grid.dataset.frame !== key) return; // another one was chosen meanwhile
  const view = aside.querySelector("[name=view]:checked")?.value;
  aside.replaceChildren(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
  const same = aside.querySelector(`[name=view][value=${view}]`);
  if (same) same.checked = true;
}

function mark() {
  const key = chosen();
  const grid = document.getElementById("rows");
  for (const row of rows()) row.setAttribute("aria-selected", row.dataset.frame === key);
  for (const stem of document.querySelectorAll("a.stem")) {
    if (stem.dataset.frame === key) stem.setAttribute("aria-current", "true");
    else stem.removeAttribute("aria-current");
  }
  const id = `f${key.replace(".", "-")}`;
  if (grid && document.getElementById(id)) grid.setAttribute("aria-activedescendant", id);
}

let waiting;
function filter() {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const address = new URL(location.href);
    const form = new FormData(document.getElementById("filter"));
    for (const name of ["page", "way", "text", "control"]) address.searchParams.delete(name);
    for (const [name, value] of form) {
      if (value && value !== "all") address.searchParams.set(name, value);
    }
    address.hash = "";
    history.replaceState(null, "", address);
    address.searchParams.delete("frame");
    refresh(address.href).catch(() => {});
  }, 120);
}

async function copyPayload(button) {
  const pane = document.querySelector("#frame .pane.text");
  if (!pane) return;
  try {
    await navigator.clipboard.writeText(pane.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(pane); // not allowed here: it is marked instead
  }
}
