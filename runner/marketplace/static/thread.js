"use strict";
// Draws a thread's messages from the site's JSON. Every text goes in by textContent: a message is never markup.
const log = document.querySelector("[data-messages]");
const address = `/api/threads/${log.dataset.thread}`;
const loadError = document.querySelector("[data-load-error]");
const loading = document.querySelector("[data-loading]");
const sendError = document.querySelector("[data-send-error]");
const sent = document.querySelector("[data-sent]");
const form = document.querySelector("[data-reply]");
const csrf = document.querySelector('meta[name="csrf-token"]').content;
const shown = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone: "UTC" });

function part(tag, name, text) {
  const element = document.createElement(tag);
  element.dataset.field = name;
  element.dir = "auto";
  element.textContent = text;
  return element;
}

function drawn(message) {
  const layout = document.body.dataset.layout;
  const element = document.createElement({ a: "li", b: "article", c: "div" }[layout]);
  element.className = `message ${message.direction}`;
  element.dataset.messageId = message.id;
  element.dataset.direction = message.direction;
  const time = document.createElement("time");
  time.dateTime = message.at;
  time.textContent = shown.format(new Date(message.at));
  const parts = [part("span", "sender", message.sender), part(layout === "b" ? "blockquote" : "p", "text", message.text), time];
  element.append(...(layout === "c" ? parts.reverse() : parts));
  return element;
}

async function answerOf(response) {
  const body = response.headers.get("content-type")?.includes("json") ? await response.json() : {};
  if (!response.ok && body.url) {
    location.assign(body.url);
    return new Promise(() => {});
  }
  return body;
}

async function load() {
  loadError.hidden = true;
  loading.hidden = false;
  log.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(address, { headers: { Accept: "application/json" } });
    const body = await answerOf(response);
    if (!response.ok) throw new Error(`status ${response.status}`);
    log.replaceChildren(...body.messages.map(drawn));
    log.dataset.messageCount = body.messages.length;
    log.setAttribute("aria-busy", "false");
  } catch (error) {
    loadError.hidden = false;
    console.error("loading the thread failed:", error);
  }
  loading.hidden = true;
}

function refuse(text) {
  sendError.textContent = text;
  sendError.hidden = false;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  sendError.hidden = true;
  sent.textContent = "";
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const headers = { Accept: "application/json", "X-CSRF-Token": csrf };
    const response = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), headers });
    const body = await answerOf(response);
    if (response.ok) {
      log.append(drawn(body.message));
      log.dataset.messageCount = log.children.length;
      form.elements.text.value = "";
      sent.textContent = "Message sent.";
    } else if (body.error === "rate_limited") {
      refuse(`You are going too fast. Please wait ${body.retry_after_s} seconds and try again.`);
    } else {
      refuse(body.message || "Your message may not have been sent.");
    }
  } catch (error) {
    refuse("Your message may not have been sent.");
    console.error("sending failed:", error);
  }
  button.disabled = false;
});

document.querySelector("[data-reload]").addEventListener("click", load);
const refused = new URLSearchParams(location.search).get("refused");
if (refused) refuse(refused);
load();
