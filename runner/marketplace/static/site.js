"use strict";
// The cookie banner: answered without a reload, so that a half-filled form stays as it is.
const banner = document.querySelector('[data-overlay="cookies"]');
if (banner) {
  banner.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = new URLSearchParams({ choice: event.submitter ? event.submitter.value : "necessary" });
    banner.remove();
    await fetch("/cookies", { method: "POST", body });
  });
}
// The survey: appears over the page after a while, and goes for good when it is dismissed.
const survey = document.querySelector('[data-overlay="survey"]');
if (survey) {
  let before = null;
  const dismiss = () => {
    survey.remove();
    if (before) before.focus();
  };
  setTimeout(() => {
    before = document.activeElement;
    survey.hidden = false;
    survey.querySelector("[data-dismiss]").focus();
  }, Number(survey.dataset.delayMs));
  survey.addEventListener("click", (event) => {
    if (event.target.closest("[data-dismiss]")) dismiss();
  });
  survey.addEventListener("keydown", (event) => {
    if (event.key === "Escape") dismiss();
    if (event.key !== "Tab") return;
    const stops = [...survey.querySelectorAll("button")];
    const next = stops.indexOf(document.activeElement) + (event.shiftKey ? -1 : 1);
    event.preventDefault();
    stops[(next + stops.length) % stops.length].focus();
  });
}
