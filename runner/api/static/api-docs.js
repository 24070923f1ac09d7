// Shows the OpenAPI document. Everything becomes text, nothing markup.
"use strict";
let schemas = {};
function make(tag, text, kind) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}
function named(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(named).join(" or ");
  if (schema.type === "array") return "list of " + named(schema.items);
  if (schema.enum) return schema.enum.join(" | ");
  return (schema.type || "anything") + (schema.format ? " (" + schema.format + ")" : "");
}
function fields(schema, seen) {
  const name = schema && schema.$ref ? named(schema) : "";
  const whole = name ? schemas[name] : schema;
  if (!whole || !whole.properties || seen.includes(name)) return null;
  const table = make("table");
  for (const [field, of] of Object.entries(whole.properties)) {
    const row = make("tr");
    row.append(make("td", field + ((whole.required || []).includes(field) ? " *" : "")));
    row.append(make("td", named(of)), make("td", of.description || ""));
    table.append(row);
  }
  return table;
}
function body(content) {
  return content ? (Object.values(content)[0] || {}).schema : null;
}
function route(path, verb, what) {
  const shown = make("details");
  const head = make("summary");
  head.append(make("span", verb, "verb " + verb), make("code", path), make("span", what.summary || "", "what"));
  shown.append(head);
  const needs = what["x-role"] ? "Role: " + what["x-role"] + ". Scope: " + what["x-scope"] + "." : "Open to everybody.";
  shown.append(make("p", needs, "soft"));
  if (what.description) shown.append(make("p", what.description));
  if (what.parameters) {
    const table = make("table");
    for (const one of what.parameters) {
      const row = make("tr");
      row.append(make("td", one.name + (one.required ? " *" : "")), make("td", one.in + ", " + named(one.schema)));
      row.append(make("td", one.description || ""));
      table.append(row);
    }
    shown.append(make("p", "Parameters"), table);
  }
  const asked = what.requestBody && body(what.requestBody.content);
  if (asked) {
    const table = fields(asked, []);
    shown.append(make("p", "Body: " + named(asked)));
    if (table) shown.append(table);
  }
  for (const [status, answer] of Object.entries(what.responses)) {
    if (!status.startsWith("2")) continue;
    const schema = body(answer.content);
    shown.append(make("p", "Answer " + status + (schema ? ": " + named(schema) : "")));
    const table = fields(schema, []);
    if (table) shown.append(table);
  }
  shown.dataset.words = (verb + " " + path + " " + (what.summary || "") + " " + what.tags).toLowerCase();
  return shown;
}
async function show() {
  const answer = await fetch("/api/v1/openapi.json");
  const openapi = await answer.json();
  schemas = openapi.components.schemas;
  document.getElementById("about").textContent = openapi.info.description.replaceAll("`", "");
  const all = document.getElementById("routes");
  const groups = {};
  for (const [path, verbs] of Object.entries(openapi.paths)) {
    for (const [verb, what] of Object.entries(verbs)) {
      const noun = what.tags[0];
      if (!groups[noun]) {
        groups[noun] = make("section");
        groups[noun].append(make("h2", noun));
        all.append(groups[noun]);
      }
      groups[noun].append(route(path, verb.toUpperCase(), what));
    }
  }
  document.getElementById("find").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(" ");
    for (const section of Object.values(groups)) {
      let left = 0;
      for (const one of section.querySelectorAll("details")) {
        one.hidden = !words.every((word) => one.dataset.words.includes(word));
        left += one.hidden ? 0 : 1;
      }
      section.hidden = left === 0;
    }
  });
}
show();
