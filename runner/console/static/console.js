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
let last = null;
addEventListener("focusin", (e) => { if (e.target instanceof Element && e.target.matches(".row-link")) last = e.target.getAttribute("href"); });
// A list that was drawn anew has lost the focus: go on from the same row, or from the one that is open.
const place = (all) => {
  for (const test of [(each) => each === document.activeElement, (each) => each.getAttribute("href") === last,
    (each) => each.hasAttribute("aria-current")]) { const at = all.findIndex(test); if (at >= 0) return at; }
  return -1;
};
const walk = (by) => {
  const all = rows(), at = place(all);
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
  if (pressed) { e.preventDefault(); if (pressed.matches("input, textarea")) pressed.focus(); else pressed.click(); }
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

// Sessions of this process, watched by a still picture each: one look at all of them, then those pictures that are on
// the page. What a site says travels as JSON and is shown as text.
const LOOK_MS = 1000;
const watched = new Set();
let looking = false;
const standing = (session) => session.wanted && session.stand === "flow" ? `waits for a person: ${session.wanted.what}`
  : session.stand === "person" ? `in the hands of ${session.holder}` : session.stand === "asked" ? `${session.holder} has asked for it`
  : session.doing ? "at work" : "idle";
const pictures = new Map(), told = new Map();  // by session: a part of the page that is drawn anew has them at once
class Watched extends HTMLElement {
  connectedCallback() { watched.add(this); this.show(); look(); }
  disconnectedCallback() { watched.delete(this); }
  get seen() { return this.getAttribute("session"); }  // not named like the attribute: Vue would set it
}
class LiveStand extends Watched {
  show() { this.textContent = told.get(this.seen) || ""; }
}
class LivePicture extends Watched {
  connectedCallback() {
    if (!this.image) {
      this.image = Object.assign(document.createElement("img"), { alt: this.getAttribute("words") || "", hidden: true });
      this.none = Object.assign(document.createElement("span"), { textContent: "no picture yet" });
      this.append(this.image, this.none);
    }
    super.connectedCallback();
  }
  show() {
    const url = pictures.get(this.seen);
    if (url && this.image.src !== url) this.image.src = url;
    this.image.hidden = !url;
    this.none.hidden = Boolean(url);
  }
}
customElements.define("live-stand", LiveStand);
customElements.define("live-picture", LivePicture);
async function take(session) {
  const answer = await fetch(`/live/${session}/picture.jpg`);
  if (answer.status !== 200) return;
  const old = pictures.get(session);
  pictures.set(session, URL.createObjectURL(await answer.blob()));
  for (const each of watched) if (each.seen === session) each.show();
  if (old) setTimeout(() => URL.revokeObjectURL(old), LOOK_MS);
}
async function look() {
  if (looking || !watched.size) return;
  looking = true;
  try {
    if (document.visibilityState === "visible") {
      const answer = await fetch("/live/sessions");
      if (answer.ok) {
        const open = new Map((await answer.json()).sessions.map((each) => [String(each.session), each]));
        for (const known of [...told.keys()]) if (!open.has(known)) { told.delete(known); pictures.delete(known); }
        for (const [session, each] of open) told.set(session, standing(each));
        for (const each of watched) each.show();
        const wanted = new Set([...watched].filter((each) => each instanceof LivePicture && open.has(each.seen)).map((each) => each.seen));
        await Promise.allSettled([...wanted].map(take));
      }
    }
  } catch { /* the runner has ended, or will be back in a moment */ }
  setTimeout(() => { looking = false; look(); }, LOOK_MS);
}

// A part of the page that is drawn anew leaves a person where they were: on their row, and as far down as they had read.
const read = new Map();
let onRow = "";
addEventListener("scroll", (e) => { const at = e.target; if (at instanceof Element && at.dataset.keep) read.set(at.dataset.keep, at.scrollTop); }, true);
addEventListener("focusin", (e) => { const row = e.target; onRow = row instanceof Element && row.matches(".row-link") ? row.getAttribute("href") : ""; });
addEventListener("focusout", (e) => { if (e.target instanceof Element && e.target.isConnected && e.relatedTarget) onRow = ""; });
addEventListener("pointerdown", () => { onRow = ""; });
addEventListener("keydown", (e) => { if (e.key === "Escape") onRow = ""; }, true);
new MutationObserver((changes) => {
  for (const change of changes) for (const node of change.addedNodes) {
    if (!(node instanceof Element)) continue;
    for (const each of [...(node.matches("[data-keep]") ? [node] : []), ...node.querySelectorAll("[data-keep]")]) {
      if (read.has(each.dataset.keep)) each.scrollTop = read.get(each.dataset.keep);
    }
  }
  if (onRow && document.activeElement === document.body) rows().find((each) => each.getAttribute("href") === onRow)?.focus({ preventScroll: true });
}).observe(document.documentElement, { childList: true, subtree: true });

// On a phone the menu is wider than the screen: the place where one is is always seen.
const here = () => document.querySelector(".place.here")?.scrollIntoView({ inline: "center", block: "nearest" });
new MutationObserver((_, watch) => { if (document.querySelector(".place.here")) { watch.disconnect(); here(); } })
  .observe(document.documentElement, { childList: true, subtree: true });
