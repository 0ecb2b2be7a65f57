// Sends each chosen or dropped image to the run and shows its answer. Without it the page says what it needs.
"use strict";

const input = document.getElementById("images");
const zone = document.getElementById("drop");
const answers = document.getElementById("answers");
const status = document.getElementById("status");

async function explain(files) {
  const images = [...files];
  let done = 0;
  let first = null;
  for (const file of images) {
    status.textContent = `Image ${done + 1} of ${images.length}: ${file.name} is explained…`;
    const section = document.createElement("section");
    try {
      const reply = await fetch(`answer?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
      const text = await reply.text();
      if (reply.ok) {
        section.innerHTML = text; // rendered by the program, which escapes every value
      } else {
        section.append(heading(file.name), paragraph(text));
      }
    } catch {
      section.append(heading(file.name), paragraph("The program does not answer. Is it still running?"));
    }
    answers.prepend(section);
    first = first || section;
    done += 1;
  }
  status.textContent = images.length === 1 ? "1 image is explained." : `${done} images are explained.`;
  const title = first && first.querySelector("h2");
  if (title) {
    title.tabIndex = -1;
    title.focus();
  }
}

function heading(text) {
  const element = document.createElement("h2");
  element.textContent = text;
  return element;
}

function paragraph(text) {
  const element = document.createElement("p");
  element.textContent = text;
  return element;
}

input.addEventListener("change", () => explain(input.files).then(() => { input.value = ""; }));
for (const name of ["dragover", "dragenter"]) {
  zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("over"); });
}
for (const name of ["dragleave", "drop"]) {
  zone.addEventListener(name, () => zone.classList.remove("over"));
}
zone.addEventListener("drop", (event) => { event.preventDefault(); explain(event.dataTransfer.files); });
