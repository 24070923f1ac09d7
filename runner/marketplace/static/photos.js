"use strict";
// Uploads the chosen files one after the other, with a progress bar each, and shows what the site kept.
const list = document.querySelector("[data-photos]");
const input = document.querySelector("#photo");
const problems = document.querySelector("[data-upload-errors]");
const status = document.querySelector("[data-photo-status]");
const onward = document.querySelector("[data-continue]");
const address = `/api/drafts/${list.dataset.draft}/photos`;
const csrf = document.querySelector('meta[name="csrf-token"]').content;

function complain(text) {
  const line = document.createElement("p");
  line.textContent = text;
  problems.append(line);
  problems.hidden = false;
}

function count() {
  const kept = [...list.querySelectorAll("[data-photo-id]")];
  kept.forEach((item, index) => {
    item.querySelector("button").textContent = `Remove photo ${index + 1}`;
    item.querySelector("img").alt = `Photo ${index + 1}: ${item.dataset.name || ""}`;
  });
  list.dataset.count = kept.length;
  status.textContent = `${kept.length} of ${list.dataset.most} photos.`;
}

function underWay(change) {
  list.dataset.uploading = Number(list.dataset.uploading) + change;
  onward.disabled = list.dataset.uploading !== "0";
}

function place(file) {
  const item = document.createElement("li");
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.setAttribute("aria-label", `Uploading ${file.name}`);
  const name = document.createElement("span");
  name.textContent = file.name;
  item.append(name, bar);
  list.append(item);
  return item;
}

function keep(item, photo) {
  const image = document.createElement("img");
  image.src = photo.url;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet small";
  button.dataset.remove = "";
  item.dataset.photoId = photo.id;
  item.dataset.name = photo.name;
  item.replaceChildren(image, button);
}

function send(file, item) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    request.setRequestHeader("X-CSRF-Token", csrf);
    request.responseType = "json";
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) item.querySelector("progress").value = event.loaded / event.total;
    };
    request.onloadend = () => resolve({ status: request.status, body: request.response || {} });
    const form = new FormData();
    form.append("photo", file);
    request.send(form);
  });
}

async function upload(file, item) {
  const { status: code, body } = await send(file, item);
  if (code === 201) {
    keep(item, body);
  } else if (body.url) {
    location.assign(body.url);
  } else {
    item.remove();
    complain(body.message || `“${file.name}” could not be uploaded. Please try again.`);
  }
  count();
  underWay(-1);
}

input.addEventListener("change", async () => {
  problems.replaceChildren();
  problems.hidden = true;
  const waiting = [...input.files].map((file) => [file, place(file)]);
  underWay(waiting.length);
  input.value = "";
  for (const [file, item] of waiting) await upload(file, item);
});

list.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-remove]");
  if (!button) return;
  const item = button.closest("[data-photo-id]");
  const response = await fetch(`${address}/${item.dataset.photoId}/remove`, { method: "POST", headers: { "X-CSRF-Token": csrf } });
  if (response.ok) item.remove();
  else complain("The photo could not be removed. Please try again.");
  count();
});
for (const item of list.querySelectorAll("[data-photo-id]")) {
  item.dataset.name = item.querySelector("img").alt.replace(/^Photo \d+: /, "");
}
