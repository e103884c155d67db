"use strict";
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const drawn = [];

function theme() {
  const style = getComputedStyle(document.documentElement);
  const text = style.getPropertyValue("--text").trim(), line = style.getPropertyValue("--line").trim();
  const axis = { gridcolor: line, zerolinecolor: line, linecolor: line };
  return { text, axis };
}

function draw(element, chart) {
  const { text, axis } = theme();
  const layout = { ...chart.layout, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: text } };
  for (const name of ["xaxis", "yaxis", "yaxis2"]) if (layout[name]) layout[name] = { ...axis, ...layout[name] };
  Plotly.react(element, chart.data, layout, { responsive: true, displaylogo: false });
}

function add(element, chart) {
  drawn.push([element, chart]);
  draw(element, chart);
}

document.querySelectorAll(".chart").forEach((element) => add(element, OVERVIEW[Number(element.dataset.chart)]));
dark.addEventListener("change", () => drawn.forEach(([element, chart]) => draw(element, chart)));
window.addEventListener("beforeprint", () => drawn.forEach(([element]) => Plotly.Plots.resize(element)));

// An operator's charts are drawn when it is opened for the first time.
document.querySelectorAll("details.operator").forEach((details) =>
  details.addEventListener("toggle", () => {
    const room = details.querySelector(".charts");
    if (!details.open || room.childElementCount) return;
    // All get their room first: a chart takes the width that it finds.
    const places = CHARTS[details.id].map(([title, chart]) => {
      const figure = document.createElement("div"), heading = document.createElement("h3"), place = document.createElement("div");
      heading.textContent = title;
      figure.append(heading, place);
      room.append(figure);
      return [place, chart];
    });
    places.forEach(([place, chart]) => add(place, chart));
  }));

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView({ block: "start" });
  }
}
window.addEventListener("hashchange", openTarget);
openTarget();

const table = document.getElementById("findings-table");
if (table) {
  const rows = [...table.tBodies[0].rows], search = document.getElementById("search"), shown = document.getElementById("shown");
  const boxes = [...document.querySelectorAll("input[name=severity]")];

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const allowed = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    let count = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !(allowed.has(row.dataset.severity) && words.every((word) => text.includes(word)));
      count += row.hidden ? 0 : 1;
    }
    shown.textContent = `${count} of ${rows.length} shown`;
  };
  search.addEventListener("input", filter);
  search.form.addEventListener("submit", (event) => event.preventDefault());
  boxes.forEach((box) => box.addEventListener("change", filter));

  table.querySelectorAll("th button").forEach((button) =>
    button.addEventListener("click", () => {
      const heading = button.closest("th"), column = Number(button.dataset.column);
      const descending = heading.getAttribute("aria-sort") === "ascending";
      table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const key = (row) => row.cells[column].dataset.key ?? row.cells[column].textContent.trim();
      const ordered = [...rows].sort((a, b) => key(a).localeCompare(key(b), "en", { numeric: true }));
      if (descending) ordered.reverse();
      table.tBodies[0].append(...ordered);
    }));
}
