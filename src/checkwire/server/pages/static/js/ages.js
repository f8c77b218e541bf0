// "4 min ago" grows older while a page is open.
const units = [
  [86400, "day", "days"],
  [3600, "h", "h"],
  [60, "min", "min"],
  [1, "s", "s"],
];

export function ages() {
  setInterval(() => {
    if (document.hidden) return;
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const seconds = Math.round((Date.now() - Date.parse(time.dateTime)) / 1000);
      if (!(seconds >= 1)) continue;
      const [size, one, more] = units.find(([size]) => seconds >= (size === 60 ? 100 : size));
      const count = Math.round(seconds / size);
      time.textContent = `${count} ${count === 1 ? one : more} ago`;
    }
  }, 5000);
}
