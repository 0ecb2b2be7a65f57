// Sends each chosen or dropped image to the run and shows its answer. Without it the page says what it needs.
"use strict";

const input = document.getElementById("images");
const zone = document.getElementById("drop");
const answers = document.getElementById("answers");
const status = document.getElementById("status");

async function explain(files) {
  const images = [...files];
  let done = 0;
  let failed = 0;
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
        failed += 1;
      }
    } catch {
      section.append(heading(file.name), paragraph("The program does not answer. Is it still running?"));
      failed += 1;
    }
    answers.prepend(section);
    first = first || section;
    done += 1;
  }
  status.textContent = counted(done - failed, "explained") + (failed ? ` ${counted(failed, "not: see below")}` : "");
  const title = first && first.querySelector("h2");
  if (title) {
    title.tabIndex = -1;
    title.focus();
  }
}

function counted(images, what) {
  return images === 1 ? `1 image is ${what}.` : `${images} images are ${what}.`;
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
// Anywhere on the page: beside the box, the browser would leave the page and show the file instead.
for (const name of ["dragover", "dragenter"]) {
  document.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("over"); });
}
for (const name of ["dragleave", "drop"]) {
  document.addEventListener(name, () => zone.classList.remove("over"));
}
document.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length) {
    explain(event.dataTransfer.files);
  } else {
    status.textContent = "That was no file. Save the image first, then drop the file.";
  }
});
