"use strict";
const table = document.querySelector("table.sortable");
const body = table.tBodies[0];
for (const header of table.tHead.rows[0].cells) {
  const button = header.querySelector("button");
  button.addEventListener("click", () => {
    const direction = header.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", direction);
    const sign = direction === "ascending" ? 1 : -1;
    const value = (row) => row.cells[header.cellIndex].dataset.value;
    const rows = [...body.rows].sort((one, two) => {
      const a = value(one), b = value(two);
      if (a === "" || b === "") return (a === "") - (b === "");
      const numbers = Number(a) - Number(b);
      return sign * (Number.isNaN(numbers) ? a.localeCompare(b) : numbers);
    });
    body.append(...rows);
    document.getElementById("sorted").textContent = `Sorted by ${button.textContent}, ${direction}.`;
  });
}
