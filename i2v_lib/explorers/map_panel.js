import { button, element, sourceLink } from "./dom.js";
import { COLORS, SHAPES } from "./map_store.js";
import { picture } from "./picture.js";

const CATEGORY = { character: "Characters", copyright: "Titles", general: "General tags" };
const SHOWN = 12; // pictures of a selection

/** The bar above a map: layouts, regions, colors, lasso. */
export function bar(store, canvas) {
  const made = element("div", "i2v-tools");
  const updates = [];
  const group = (label, parts) => {
    const box = element("div", "i2v-group", undefined, { role: "group", "aria-label": label });
    box.append(...parts);
    made.append(box);
  };
  const toggle = (text, label, act, on) => {
    const one = button(text, label, act, "i2v-toggle");
    updates.push(() => one.setAttribute("aria-pressed", String(on())));
    return one;
  };
  const { state } = store;
  if (store.cells) {
    const layout = (name, text, label) => toggle(text, label, () => store.set({ layout: name }), () => state.layout === name);
    group("Layout", [
      layout("grid", "Grid", "Every illustration in a cell of its own"),
      layout("places", "t-SNE", "Where t-SNE put them; they overlap"),
    ]);
  }
  if (store.regions.length) {
    const go = ({ letter }) => {
      store.set({ region: "" }); // the same bookmark may be asked for again
      store.set({ region: letter });
    };
    const one = (region) =>
      button(`(${region.letter}) ${region.tag}`, `Show region ${region.letter}: ${region.tag}, ${region.carriers} of ` +
        `${region.members.length}, ${Math.round(region.lift)} times as often as in the map`, () => go(region), "i2v-toggle");
    group("Regions", store.regions.map(one));
  }
  const lasso = toggle("Lasso", "Draw around illustrations to select them; or drag with Shift", () => {
    canvas.drawing = !canvas.drawing;
    canvas.element.classList.toggle("i2v-drawing", canvas.drawing);
    updates.forEach((update) => update());
  }, () => canvas.drawing);
  const colors = element("select", "i2v-select", undefined, { "aria-label": "Color by the most frequent tags of a category" });
  colors.append(element("option", "", "Color by …", { value: "" }));
  for (const category of new Set(store.categories)) {
    colors.append(element("option", "", (CATEGORY[category] ?? category).toLowerCase(), { value: category }));
  }
  colors.addEventListener("change", () => {
    if (colors.value) store.colorByCategory(colors.value);
    colors.value = "";
  });
  group("Tools", [lasso, colors]);
  const update = () => updates.forEach((one) => one());
  store.addEventListener("change", update);
  update();
  return { element: made, remove: () => store.removeEventListener("change", update) };
}

/** Zoom buttons and the legend, on the map itself. */
export function overlay(store, canvas) {
  const zoom = element("div", "i2v-zoom");
  const about = (factor) => canvas.zoom(canvas.camera.width / 2, canvas.camera.height / 2, factor);
  zoom.append(
    button("+", "Zoom in (key +)", () => about(1.5), "i2v-round"),
    button("−", "Zoom out (key −)", () => about(1 / 1.5), "i2v-round"),
    button("⤢", "Show all (key 0)", () => canvas.fit(), "i2v-round"),
  );
  const legend = element("div", "i2v-legend", undefined, { role: "group", "aria-label": "Colors" });
  const update = () => {
    const { colors } = store.state;
    legend.hidden = !colors.length;
    legend.replaceChildren(
      ...colors.map((tag, place) => {
        const row = button("", `No longer color ${store.tags[tag]}`, () => store.toggleColor(tag), "i2v-key");
        const shape = element("span", "i2v-shape", SHAPES[place]);
        shape.style.color = COLORS[place];
        row.append(shape, element("span", "", store.tags[tag]), element("small", "", `${store.countOf(tag)} ×`));
        return row;
      }),
    );
  };
  store.addEventListener("change", update);
  update();
  canvas.element.append(zoom, legend);
  return { remove: () => store.removeEventListener("change", update) };
}

function chip(store, tag, more = "") {
  const text = store.tags[tag];
  const place = store.state.colors.indexOf(tag);
  const made = button("", place < 0 ? `Color the map by ${text}` : `No longer color ${text}`, () => store.toggleColor(tag), "i2v-chip");
  if (place >= 0) {
    const shape = element("span", "i2v-shape", SHAPES[place]);
    shape.style.color = COLORS[place];
    made.append(shape);
  }
  made.setAttribute("aria-pressed", String(place >= 0));
  made.append(element("span", "", text));
  if (more) made.append(element("small", "", more));
  return made;
}

/** Beside the map: what is picked, or what a selection has in common. */
export function details(store, canvas, hint) {
  const made = element("aside", "i2v-details", undefined, { "aria-label": "Details" });
  let shown = ""; // whose picture is there, so that a new color need not draw it again
  let still = null;

  function one(i) {
    if (shown !== `one ${i}`) still = picture(store, i, 160);
    shown = `one ${i}`;
    const name = element("p", "i2v-name");
    name.append(sourceLink(store.links[i] ?? "", store.ids[i]));
    const uses = element("div", "i2v-actions");
    uses.append(
      button("Use as start", `Start a morph at ${store.ids[i]}`, () => store.set({ start: i }), "i2v-action i2v-as-start"),
      button("Use as end", `End a morph at ${store.ids[i]}`, () => store.set({ end: i }), "i2v-action i2v-as-end"),
    );
    if (store.state.selected.length) {
      uses.append(button("Back", "Back to the selection", () => store.set({ picked: -1 })));
    }
    const parts = [still, name, uses];
    for (const category of Object.keys(CATEGORY)) {
      const own = store.tagsOf(i).filter((t) => store.categories[t] === category);
      if (!own.length) continue;
      const chips = element("div", "i2v-chips");
      chips.append(...own.map((t) => chip(store, t)));
      parts.push(element("h4", "", CATEGORY[category]), chips);
    }
    return parts;
  }

  function many(some) {
    shown = "many";
    const title = element("p", "i2v-name", `${some.length.toLocaleString("en")} selected`);
    const stills = element("div", "i2v-stills");
    for (const i of some.slice(0, SHOWN)) {
      const pick = button("", store.ids[i], () => store.set({ picked: i }), "i2v-pick");
      pick.append(picture(store, i, 48));
      stills.append(pick);
    }
    const chips = element("div", "i2v-chips");
    chips.append(...store.typical(some).map(([t, c, lift]) => chip(store, t, `${c} · ${lift.toFixed(lift < 10 ? 1 : 0)} ×`)));
    const parts = [title, stills];
    if (chips.childElementCount) parts.push(element("h4", "", "More frequent here: how many, times the map's share"), chips);
    const row = element("div", "i2v-actions");
    row.append(button("Show", "Move the map to the selection", () => canvas.show(some)));
    row.append(button("Clear", "Select nothing", () => store.set({ selected: [] })));
    return [...parts, row];
  }

  const update = (event) => {
    const names = event?.detail ?? ["picked"];
    if (!names.some((name) => ["picked", "selected", "colors"].includes(name))) return;
    const { picked, selected } = store.state;
    const focus = made.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    if (picked >= 0) made.replaceChildren(...one(picked));
    else if (selected.length) made.replaceChildren(...many(selected));
    else made.replaceChildren(...hint());
    if (picked < 0 && !selected.length) shown = "";
    if (focus) [...made.querySelectorAll("button")].find((b) => b.getAttribute("aria-label") === focus)?.focus();
  };
  store.addEventListener("change", update);
  update();
  return { element: made, remove: () => store.removeEventListener("change", update) };
}

/** What to say while nothing is picked. */
export function help() {
  const lines = [
    "Click an illustration for its tags; click a tag to color the map by it.",
    "Drag to move, turn the wheel or pinch to zoom, drag with Shift to draw a lasso.",
    "Keys on the map: arrows, +, −, 0; Enter takes the illustration at the middle, Tab goes on, Escape lets go.",
  ];
  return lines.map((line) => element("p", line.startsWith("Keys") ? "i2v-hint i2v-keys" : "i2v-hint", line));
}
