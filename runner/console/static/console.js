"use strict";
// A moment as people say it. Text only: nothing here is ever made markup.
class AgoTime extends HTMLElement {
  static observedAttributes = ["at", "zone"];
  connectedCallback() { AgoTime.all.add(this); this.show(); }
  disconnectedCallback() { AgoTime.all.delete(this); }
  attributeChangedCallback() { if (this.isConnected) this.show(); }
  show() {
    const at = new Date(this.getAttribute("at")), zone = this.getAttribute("zone") || undefined;
    if (Number.isNaN(at.getTime())) return;
    const s = (Date.now() - at.getTime()) / 1000, size = Math.abs(s);
    const day = { timeZone: zone, day: "numeric", month: "short" };
    const said = size < 5 ? "now" : size < 90 ? `${Math.round(size)} s` : size < 5400 ? `${Math.round(size / 60)} min`
      : size < 86400 ? `${Math.round(size / 3600)} h` : at.toLocaleDateString("en-GB", day);
    this.textContent = said === "now" || size >= 86400 ? said : s < 0 ? `in ${said}` : `${said} ago`;
    this.title = at.toLocaleString("en-GB", { timeZone: zone, dateStyle: "full", timeStyle: "medium" }) +
      (zone ? ` (${zone})` : "");
  }
}
AgoTime.all = new Set();
customElements.define("ago-time", AgoTime);
setInterval(() => { for (const each of AgoTime.all) each.show(); }, 1000);

const typing = (e) => e.ctrlKey || e.metaKey || e.altKey ||
  (e.target instanceof Element && e.target.closest("input, textarea, select, [contenteditable], .q-dialog, .q-menu"));
const rows = () => [...document.querySelectorAll(".row-link")].filter((each) => each.offsetParent !== null);
const walk = (by) => {
  const all = rows(), at = all.indexOf(document.activeElement);
  const to = all[Math.min(all.length - 1, Math.max(0, at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by))];
  if (to) { to.focus(); to.scrollIntoView({ block: "nearest" }); }
};
let after = "";
addEventListener("keydown", (e) => {
  if (e.key === "Escape" && e.target instanceof HTMLElement) { e.target.blur(); return; }
  if (typing(e)) return;
  if (after === "g") {
    after = "";
    const place = document.querySelector(`.place[data-key="${CSS.escape(e.key)}"]`);
    if (place) { e.preventDefault(); place.click(); return; }
  }
  if (e.key === "g") { after = "g"; setTimeout(() => { after = ""; }, 1200); return; }
  if (e.key === "?") { location.assign("/keys"); return; }
  if (e.key === "/") { const field = document.querySelector("input[data-search], [data-search] input");
    if (field) { e.preventDefault(); field.focus(); field.select(); } return; }
  if (e.key === "j") { walk(1); return; }
  if (e.key === "k") { walk(-1); return; }
  if (e.key === "t") { turn(); return; }
  const pressed = document.querySelector(`[data-press="${CSS.escape(e.key)}"]`);
  if (pressed) { e.preventDefault(); pressed.click(); }
});

// Light, dark, or as the system says: kept in a cookie, so that the next page comes in the right colours at once.
const turn = () => {
  const now = (/(?:^|; )runner_theme=(\w*)/.exec(document.cookie) || [])[1] || "auto";
  const next = { auto: "light", light: "dark", dark: "auto" }[now] || "auto";
  document.cookie = `runner_theme=${next}; path=/; max-age=31536000; samesite=strict`;
  globalThis.Quasar.Dark.set(next === "auto" ? "auto" : next === "dark");
};
addEventListener("click", (e) => { if (e.target instanceof Element && e.target.closest("button.theme")) turn(); });
// Filters stand in the address: back and forward go through them.
addEventListener("popstate", () => location.reload());
