// The sessions of this process, looked up every few seconds while somebody looks at this page.
"use strict";

const wall = document.getElementById("wall");
const cards = new Map();
const EVERY_MS = 3000;

function pill(session) {
  if (session.stand === "person") return `in the hands of ${session.holder}`;
  if (session.stand === "asked") return `${session.holder} has asked`;
  return session.wanted ? "waits for a person" : session.doing ? "at work" : "idle";
}

function cardOf(session) {
  if (cards.has(session.session)) return cards.get(session.session);
  const card = document.getElementById("card").content.cloneNode(true).firstElementChild;
  card.querySelector("a").href = `/live/${session.session}`;
  cards.set(session.session, card);
  wall.append(card);
  return card;
}

function fill(card, session) {
  const field = name => card.querySelector(`[data-field=${name}]`);
  field("account").textContent = session.account;
  field("pill").textContent = pill(session);
  field("pill").dataset.stand = session.wanted && session.stand === "flow" ? "asked" : session.stand;
  field("doing").textContent = session.wanted ? session.wanted.what : [session.doing, session.step].filter(Boolean).join(" · ");
}

async function picture(card, number) {
  const answer = await fetch(`/live/${number}/picture.jpg`);
  const image = card.querySelector("img");
  const shown = answer.status === 200;
  if (shown) {
    const old = image.src;
    image.src = URL.createObjectURL(await answer.blob());
    if (old) URL.revokeObjectURL(old);
  }
  image.hidden = !shown;
  card.querySelector(".hidden-shot").hidden = shown;
}

async function look() {
  if (document.visibilityState === "visible") {
    const { sessions } = await (await fetch("/live/sessions")).json();
    const open = new Set(sessions.map(session => session.session));
    for (const [number, card] of cards) if (!open.has(number)) { card.remove(); cards.delete(number); }
    for (const session of sessions) fill(cardOf(session), session);
    document.getElementById("count").textContent = sessions.length ? `${sessions.length} open` : "";
    document.getElementById("empty").hidden = sessions.length > 0;
    await Promise.allSettled(sessions.map(session => picture(cards.get(session.session), session.session)));
  }
}

async function keepLooking() {
  try {
    await look();
  } catch {
    document.getElementById("count").textContent = "not connected: the runner has ended, or will be back in a moment";
  }
  setTimeout(keepLooking, EVERY_MS);
}

document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") look().catch(() => {}); });
keepLooking();
