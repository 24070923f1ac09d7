"use strict";
// The secret of a one-time link stands behind the #, which a browser sends to nobody.
const key = location.hash.slice(1);
const password = document.getElementById("password");
if (key) {
  history.replaceState(null, "", location.pathname);
  document.getElementById("name-part").hidden = true;
  document.getElementById("hint").textContent =
    "Your link works once. Choose a password of 12 characters or more for the next time, or leave it empty.";
  password.autocomplete = "new-password";
}
document.getElementById("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const wrong = document.getElementById("wrong");
  wrong.textContent = "";
  const told = key ? { key } : { name: document.getElementById("name").value };
  if (!key || password.value) told.password = password.value;
  const answer = await fetch("/api/v1/session" + (key ? "/link" : ""), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(told),
  });
  if (answer.ok) location.assign(nextPage());
  else wrong.textContent = (await answer.json()).detail;
});
// Only a page of ours: what stands in an address may have been put there by somebody else.
function nextPage() {
  try {
    const next = new URL(new URLSearchParams(location.search).get("next") || "/", location.origin);
    return next.origin === location.origin ? next.href : "/";
  } catch {
    return "/";
  }
}
