"use strict";
// Faults only. "crash": layout of very deeply nested boxes overflows the renderer's stack and kills its process
// (measured: 0.2 s in Chromium 156, headless shell and full). "hang": the page's only thread never comes back.
const what = document.currentScript.dataset.what;
if (what === "hang") {
  for (;;);
}
if (what === "crash") {
  const root = document.createElement("div");
  let inner = root;
  for (let depth = 0; depth < 8000; depth += 1) {
    const box = document.createElement("div");
    box.style.display = "flex";
    inner.append(box);
    inner = box;
  }
  document.body.append(root);
  document.body.getBoundingClientRect();
}
