// Shows the lists of a set, keeps every change in the draft on disk, and shows what the checks find.
"use strict";

const DELAY = 400; // milliseconds after the last key before the draft is written
const status = document.getElementById("status");
const SILENT = "The program does not answer. What you type now is on this page only: keep it open, and start the program again.";
const RESTARTED = "The program was started again, at another address. What you typed since is on this page only: copy it into the new page.";
let state = null;
let timer = null;
let pending = Promise.resolve();
let version = 0;

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== null) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function edit() {
  return JSON.stringify({ based_on: state.based_on, lists: state.lists });
}

function count() {
  const numbers = { error: 0, warning: 0 };
  for (const item of state.findings) if (item.level in numbers) numbers[item.level] += 1;
  const words = Object.entries(numbers).map(([name, number]) => `${number} ${name}${number === 1 ? "" : "s"}`);
  return words.join(", ");
}

async function send(path) {
  const reply = await fetch(path, { method: "POST", body: edit(), keepalive: edit().length < 60000 });
  if (reply.status === 404) throw new Error(RESTARTED);
  const value = await reply.json();
  if (!reply.ok) throw new Error(value.error);
  return value;
}

// One request after the other, so that an older draft never replaces a newer one.
function inTurn(work) {
  pending = pending.then(work).catch((error) => {
    status.textContent = error instanceof TypeError ? SILENT : error.message;
  });
  return pending;
}

function keep() {
  clearTimeout(timer);
  timer = null;
  return inTurn(async () => {
    const sent = version;
    const value = await send("draft");
    if (sent === version) {
      state.findings = value.findings;
      showFindings();
      status.textContent = `Kept as a draft, not saved yet. ${count()}.`;
    }
  });
}

function changed() {
  version += 1;
  clearTimeout(timer);
  timer = setTimeout(keep, DELAY);
}

function showFindings() {
  for (const box of document.querySelectorAll(".findings")) box.replaceChildren();
  for (const item of state.findings) {
    const box = document.getElementById(`f-${item.list}-${item.text}`);
    if (box) box.append(element("div", `${item.level}: ${item.message}`, { class: item.level }));
  }
  for (const area of document.querySelectorAll("textarea")) {
    const box = document.getElementById(area.getAttribute("aria-describedby"));
    area.setAttribute("aria-invalid", String(Boolean(box && box.querySelector(".error"))));
  }
}

function line(number, position) {
  const list = state.lists[number];
  const item = element("li", null);
  const row = element("div", null, { class: "line" });
  const where = list.confused === null ? list.kind : `${list.kind} with ${list.confused}`;
  const area = element("textarea", null, {
    rows: "2",
    "aria-label": `${list.class_name}, ${where}, text ${position + 1}`,
    "aria-describedby": `f-${number}-${position}`,
  });
  area.value = list.texts[position];
  area.addEventListener("input", () => {
    list.texts[position] = area.value.replace(/\s*\n\s*/g, " ");
    changed();
  });
  const remove = element("button", "Remove", { type: "button", "aria-label": `Remove text ${position + 1} of ${list.class_name}, ${where}` });
  remove.addEventListener("click", () => {
    list.texts.splice(position, 1);
    changed();
    show(number, Math.min(position, list.texts.length - 1));
  });
  row.append(area, remove);
  item.append(row, element("div", null, { class: "findings", id: `f-${number}-${position}` }));
  return item;
}

function show(focused = null, position = -1) {
  const root = document.getElementById("lists");
  root.replaceChildren();
  let last = null;
  state.lists.forEach((list, number) => {
    if (list.class_name !== last) root.append(element("h2", list.class_name));
    last = list.class_name;
    root.append(element("h3", list.confused === null ? list.kind : `${list.kind}: mistaken for ${list.confused}`));
    const lines = element("ol", null);
    list.texts.forEach((_, at) => lines.append(line(number, at)));
    const add = element("button", "Add a text", { type: "button", "aria-label": `Add a text to ${list.class_name}, ${list.kind}${list.confused === null ? "" : ` with ${list.confused}`}` });
    add.addEventListener("click", () => {
      list.texts.push("");
      changed();
      show(number, list.texts.length - 1);
    });
    root.append(lines, add);
    if (number === focused) (lines.querySelectorAll("textarea")[position] || add).focus();
  });
  showFindings();
}

document.getElementById("save").addEventListener("click", () => {
  keep();
  inTurn(async () => {
    const value = await send("save");
    state.based_on = value.based_on;
    status.textContent = `Saved, id ${value.id.slice(0, 12)}. ${count()}.`;
  });
});
// What was typed within the last half second, when the page is closed.
addEventListener("pagehide", () => { if (timer !== null) keep(); });

(async () => {
  const reply = await fetch("state");
  const value = await reply.json();
  if (!reply.ok) {
    document.getElementById("about").textContent = value.error;
    return;
  }
  state = value;
  document.title = `${state.file}: attribute set`;
  document.getElementById("title").textContent = state.file;
  document.getElementById("about").textContent = `Texts of ${state.dataset}, as CLIP reads them. What is wrong with a text is written below it.`;
  status.textContent = `${state.draft ? "Continued from the draft, which is not saved yet. " : ""}${count()}.`;
  show();
})();
