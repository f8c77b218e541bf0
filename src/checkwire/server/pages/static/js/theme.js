// Light or dark: kept in a cookie, so that the server draws the page right from the start.
export function theme() {
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  button.addEventListener("click", () => {
    const root = document.documentElement;
    const now = root.dataset.theme || (system.matches ? "dark" : "light");
    const next = now === "dark" ? "light" : "dark";
    if (next === (system.matches ? "dark" : "light")) {
      delete root.dataset.theme; // what the system says: follow it again
      document.cookie = "theme=; path=/; max-age=0; samesite=lax";
    } else {
      root.dataset.theme = next;
      document.cookie = `theme=${next}; path=/; max-age=31536000; samesite=lax`;
    }
  });
}
