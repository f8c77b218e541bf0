// j k: next and previous row. f: what failed. [ ]: earlier and later run. /: find. r: run again.
import { choose, chosen, rows } from "./transcript.js";

const actions = {
  j: () => step(1),
  k: () => step(-1),
  f: failure,
  "[": () => follow("earlier"),
  "]": () => follow("later"),
  r: () => document.querySelector("[data-key=r]")?.form.requestSubmit(),
};

export function keys() {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const field = event.target.closest?.("input, textarea, select");
    if (event.key === "Escape" && field) return field.blur();
    if (field && field.type !== "radio" && field.type !== "checkbox") return;
    if (event.key === "/") {
      event.preventDefault();
      return (document.getElementById("text") || document.getElementById("find"))?.select();
    }
    const grid = document.activeElement?.id === "rows";
    if (grid && event.key === "ArrowDown") return event.preventDefault(), step(1);
    if (grid && event.key === "ArrowUp") return event.preventDefault(), step(-1);
    const action = actions[event.key];
    if (action) {
      event.preventDefault();
      action();
    }
  });
}

function step(by) {
  const frames = rows();
  if (frames.length) {
    const at = frames.findIndex((row) => row.dataset.frame === chosen());
    const next = frames[at + by];
    if (next) choose(next.dataset.frame);
    return;
  }
  const links = [...document.querySelectorAll("a[data-row]")];
  const at = links.indexOf(document.activeElement);
  const next = links[at < 0 ? (by > 0 ? 0 : links.length - 1) : at + by];
  next?.focus();
}

function failure() {
  const culprit = document.querySelector(".fw.culprit");
  if (culprit) return choose(culprit.dataset.frame);
  const row = document.getElementById("failure");
  if (row) return row.scrollIntoView({ block: "center" });
  const links = [...document.querySelectorAll("li.fail a[data-row], tr.fail a[data-row]")];
  const at = links.indexOf(document.activeElement);
  links[(at + 1) % links.length]?.focus();
}

function follow(id) {
  const link = document.getElementById(id);
  if (link) location.assign(link.href);
}
