// One session: its pictures, and a person's hands on it. Whatever comes from the page is shown as text only.
"use strict";

const $ = id => document.getElementById(id);
const number = location.pathname.split("/").pop();
const canvas = $("page");
const KEYS = new Set(["Enter", "Tab", "Escape", "Backspace", "Delete", "Home", "End", "PageUp", "PageDown",
  "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"]);
const TYPING_MS = 120, WHEEL_MS = 150, HERE_MS = 15000, AGAIN_MS = 1500;

// A window keeps its key over a reload, so that whoever had control still has it.
let key = sessionStorage.getItem("window");
if (!key) sessionStorage.setItem("window", key = crypto.randomUUID());
$("name").value = localStorage.getItem("name") || "";

let socket = null, state = null, size = { width: canvas.width, height: canvas.height }, over = false;

function say(message) {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function connect() {
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live/${number}/ws`);
  socket.binaryType = "blob";
  socket.onopen = () => say({ do: "hello", window: key, name: $("name").value.trim() });
  socket.onmessage = event => typeof event.data === "string" ? told(JSON.parse(event.data)) : shown(event.data);
  socket.onclose = event => {
    if (event.code === 4404 || (state && state.ended)) return ended();
    if (document.visibilityState === "visible") {
      veil("The connection is lost. Trying again …");
      setTimeout(connect, AGAIN_MS);
    }
  };
}

function ended() {
  over = true;
  veil("This session has ended.");
  $("asking").hidden = $("holding").hidden = $("hint").hidden = $("wanted").hidden = true;
  $("pill").textContent = "ended";
  $("pill").dataset.stand = "";
}

function veil(words) {
  $("veil").textContent = words;
  $("veil").hidden = !words;
}

async function shown(blob) {
  const picture = await createImageBitmap(blob);
  if (canvas.width !== picture.width || canvas.height !== picture.height) {
    canvas.width = picture.width;
    canvas.height = picture.height;
  }
  canvas.getContext("2d").drawImage(picture, 0, 0);
  picture.close();
  canvas.dataset.pictures = Number(canvas.dataset.pictures || 0) + 1;
  veil("");
}

function told(message) {
  if (message.kind === "size") size = message;
  else if (message.kind === "withheld") veil(message.why);
  else if (message.kind === "refused") refused(`${message.what} ${message.cure}`);
  else if (message.kind === "state") draw(message);
}

function refused(words) {
  $("refused").textContent = words;
  $("refused").hidden = !words;
}

function pill() {
  if (state.mine && state.stand === "person") return ["You have control", "mine"];
  if (state.mine) return ["You have it at the next step", "asked"];
  if (state.stand === "person") return [`In the hands of ${state.holder}`, "person"];
  if (state.stand === "asked") return [`${state.holder} has asked for control`, "asked"];
  if (state.wanted) return ["Waits for a person", "asked"];
  return [state.doing ? "At work" : "Idle", "flow"];
}

function draw(next) {
  const before = state;
  state = next;
  if (state.ended) return ended();
  document.title = `${state.account} · runner`;
  $("account").textContent = state.account;
  const [words, stand] = pill();
  $("pill").textContent = words;
  $("pill").dataset.stand = stand;
  $("doing").textContent = [state.doing, state.step].filter(Boolean).join(" · ");
  $("wanted").hidden = !state.wanted;
  if (state.wanted) { $("what").textContent = state.wanted.what; $("cure").textContent = state.wanted.cure; }
  $("notice").textContent = state.notice;
  $("notice").hidden = !state.notice;
  const mine = state.mine && state.stand === "person";
  $("holding").hidden = !mine;
  $("asking").hidden = mine;
  $("take").disabled = state.mine || Boolean(state.holder);
  $("take").textContent = state.mine ? "Asked: waiting for the next step" : state.holder ? `${state.holder} has control` : "Take control";
  $("hint").hidden = !mine;
  $("stage").classList.toggle("mine", mine);
  canvas.tabIndex = mine ? 0 : -1;
  const was = before && before.mine && before.stand === "person";
  if (mine && !was) { refused(""); canvas.focus({ preventScroll: true }); }
  if (was && !mine) canvas.blur();
}

function held() {
  return state && state.mine && state.stand === "person" && !over;
}

function place(event) {
  const box = canvas.getBoundingClientRect();
  const within = (value, most) => Math.min(Math.max(value, 0), most);
  return { x: within((event.clientX - box.left) / box.width * size.width, size.width - 1),
           y: within((event.clientY - box.top) / box.height * size.height, size.height - 1) };
}

function act(message) {
  refused("");
  flush();
  say(message);
}

// Letters are sent together: one message, one record, for what was typed in one go.
let typed = "", typing = 0;
function flush() {
  clearTimeout(typing);
  if (typed) say({ do: "type", text: typed });
  typed = "";
}
function type(text) {
  typed += text;
  clearTimeout(typing);
  typing = setTimeout(flush, TYPING_MS);
}

canvas.addEventListener("click", event => {
  if (!held()) return;
  canvas.focus({ preventScroll: true });
  act({ do: "click", ...place(event), times: Math.min(Math.max(event.detail, 1), 3) });
});
canvas.addEventListener("contextmenu", event => { if (held()) event.preventDefault(); });

let wheel = null;
canvas.addEventListener("wheel", event => {
  if (!held()) return;
  event.preventDefault();
  if (!wheel) {
    wheel = { do: "wheel", ...place(event), dx: 0, dy: 0 };
    setTimeout(() => { act(wheel); wheel = null; }, WHEEL_MS);
  }
  wheel.dx += event.deltaX;
  wheel.dy += event.deltaY;
}, { passive: false });

canvas.addEventListener("keydown", event => {
  if (!held()) return;
  if (event.key === "Escape" && event.shiftKey) { $("give-back").focus(); event.preventDefault(); return; }
  const command = event.ctrlKey || event.metaKey;
  if (command && ["a", "z"].includes(event.key.toLowerCase())) act({ do: "key", key: `Control+${event.key.toUpperCase()}` });
  else if (command || event.altKey && event.key.length !== 1) return;
  else if (event.key === "Tab" && event.shiftKey) act({ do: "key", key: "Shift+Tab" });
  else if (KEYS.has(event.key)) act({ do: "key", key: event.key });
  else if (event.key.length === 1 || /^\p{Emoji}/u.test(event.key) && event.key.length <= 4) { refused(""); type(event.key); }
  else return;
  event.preventDefault();
});
document.addEventListener("paste", event => {
  if (document.activeElement !== canvas || !held()) return;
  type(event.clipboardData.getData("text/plain"));
  event.preventDefault();
});

$("typing").addEventListener("submit", event => {
  event.preventDefault();
  const text = $("text").value;
  if (text) act({ do: "type", text });
  $("text").value = "";
});
for (const button of document.querySelectorAll("[data-key]"))
  button.addEventListener("click", () => act({ do: "key", key: button.dataset.key }));
for (const button of document.querySelectorAll("[data-wheel]"))
  button.addEventListener("click", () => act({ do: "wheel", x: size.width / 2, y: size.height / 2, dx: 0, dy: Number(button.dataset.wheel) }));
$("larger").addEventListener("click", () => {
  const large = $("stage").classList.toggle("large");
  $("larger").setAttribute("aria-pressed", String(large));
  $("larger").textContent = large ? "Whole picture" : "Larger picture";
});
$("back").addEventListener("click", () => act({ do: "back" }));
$("take").addEventListener("click", () => {
  const name = $("name").value.trim();
  localStorage.setItem("name", name);
  refused("");
  say({ do: "take", name });
});
$("name").addEventListener("keydown", event => { if (event.key === "Enter") $("take").click(); });
$("give-back").addEventListener("click", () => { flush(); refused(""); say({ do: "give_back" }); });

setInterval(() => say({ do: "here" }), HERE_MS);
document.addEventListener("visibilitychange", () => {
  if (over) return;
  // Nothing is captured for a window that nobody sees; one with control stays, or it would lose it.
  if (document.visibilityState === "hidden") { if (!(state && state.mine)) socket.close(); }
  else if (socket.readyState >= WebSocket.CLOSING) connect();
});
connect();
