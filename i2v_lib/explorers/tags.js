import { adopt, element } from "./dom.js";

const SIGNS = { true: "✓", false: "✗" };

function render({ model, el }) {
  adopt(el);
  const root = element("div", "i2v-tags");
  el.append(root);
  let buttons = [];

  function line(row) {
    const made = element("button", row.predicted ? "i2v-tag i2v-predicted" : "i2v-tag");
    made.type = "button";
    made.dataset.column = row.column;
    made.title = `Where was “${row.tag}” seen?`;
    const percent = Math.round(100 * row.confidence);
    const bar = element("span", "i2v-bar");
    bar.style.width = `${100 * row.confidence}%`;
    const tick = element("span", "i2v-tick");
    tick.style.left = `${100 * row.threshold}%`;
    const judged = row.labeled !== null && (row.predicted || row.labeled); // a tag neither predicted nor labeled is no fault
    const sign = element("span", "i2v-sign", judged ? SIGNS[row.labeled] : "");
    sign.dataset.labeled = row.labeled ?? "";
    made.append(bar, sign, element("span", "i2v-name", row.tag), element("span", "i2v-percent", `${percent} %`));
    if (row.category !== "rating") made.append(tick);
    made.addEventListener("click", () => model.send({ event: "tag", column: row.column, version: model.get("version") }));
    buttons.push(made);
    return made;
  }

  function draw() {
    const focused = root.contains(document.activeElement) ? document.activeElement.dataset.column : null;
    buttons = [];
    const groups = new Map();
    model.get("rows").forEach((row) => groups.set(row.category, [...(groups.get(row.category) ?? []), row]));
    const parts = [...groups].map(([category, rows]) => {
      const part = element("section", "i2v-category");
      part.setAttribute("aria-label", category);
      part.append(element("div", "i2v-strong", category), ...rows.map(line));
      return part;
    });
    root.replaceChildren(...parts);
    mark();
    if (focused !== null) buttons.find((button) => button.dataset.column === focused)?.focus();
  }

  const mark = () =>
    buttons.forEach((button) =>
      button.setAttribute("aria-pressed", String(Number(button.dataset.column) === model.get("selected"))),
    );

  model.on("change:rows", draw);
  model.on("change:selected", mark);
  draw();
  return () => {
    model.off("change:rows", draw);
    model.off("change:selected", mark);
  };
}

export default { render };
