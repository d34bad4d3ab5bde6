import { button, element } from "./dom.js";
import { MapStore, unpack } from "./map_store.js";
import { mapView } from "./map_view.js";
import { Graph, morph } from "./paths.js";
import { picture } from "./picture.js";
import { decode } from "./sheets.js";
import { strip } from "./strip.js";

const LONGEST = 8; // intermediates that can be asked for

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** The page holds the finest sheets alone; coarser ones are drawn from them, once, as they are decoded. */
function coarser({ sides, sheet, ids }, files) {
  const finest = sides.length - 1, each = sides.map((side) => (sheet / side) ** 2);
  const sheets = sides.slice(0, finest).map((_, level) =>
    Array.from({ length: Math.ceil(ids.length / each[level]) }, () => {
      const canvas = new OffscreenCanvas(sheet, sheet), made = { pen: canvas.getContext("2d"), canvas };
      made.pen.imageSmoothingQuality = "high";
      made.ready = new Promise((done) => (made.done = done));
      return made;
    }),
  );
  const place = (level, slot) => {
    const across = sheet / sides[level], within = slot % each[level];
    return [(within % across) * sides[level], Math.floor(within / across) * sides[level]];
  };
  (async () => {
    for (let number = 0; number < files.length; number++) {
      const bitmap = await decode(bytes(files[number]));
      const last = Math.min((number + 1) * each[finest], ids.length);
      for (let slot = number * each[finest]; slot < last; slot++) {
        sheets.forEach((own, level) => {
          const [x, y] = place(finest, slot), side = sides[finest];
          own[Math.floor(slot / each[level])].pen.drawImage(bitmap, x, y, side, side, ...place(level, slot), sides[level], sides[level]);
        });
      }
      bitmap.close();
      sheets.forEach((own, level) => {
        if (last % each[level] === 0 || last === ids.length) own[Math.ceil(last / each[level]) - 1].done();
      });
    }
  })();
  return async (level, number) => {
    if (level === finest) return decode(bytes(files[number]));
    await sheets[level][number].ready;
    return createImageBitmap(sheets[level][number].canvas);
  };
}

/** Choose two ends and a length, and see the way between them. */
function morphing(store, graph, canvas, root) {
  const ends = element("div", "i2v-ends"), result = element("div", "i2v-result");
  const length = element("select", "i2v-select", undefined, { "aria-label": "Number of illustrations between start and end" });
  length.append(element("option", "", "the shortest path", { value: "" }));
  for (let n = 0; n <= LONGEST; n++) length.append(element("option", "", `exactly ${n} between`, { value: String(n) }));
  const status = element("div", "i2v-status", "", { role: "status" });
  const random = () => {
    const [start, end] = [0, 0].map(() => Math.floor(Math.random() * store.count));
    store.set({ start, end: start === end ? (end + 1) % store.count : end });
  };
  const slots = ["start", "end"].map((name) => {
    const box = element("div", "i2v-end");
    box.dataset.mark = name;
    ends.append(box);
    return [name, box];
  });
  const controls = element("div", "i2v-group");
  controls.append(
    length,
    button("Swap", "Exchange start and end", () => store.set({ start: store.state.end, end: store.state.start }), "i2v-toggle"),
    button("Random pair", "Two illustrations at random", random, "i2v-toggle"),
    button("Show on the map", "Move the map to the path", () => canvas.show(store.state.path), "i2v-toggle"),
  );
  ends.append(controls);
  root.append(ends, status, result);

  function pick(i) {
    store.set({ picked: i });
    canvas.show([i], 4);
    canvas.element.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  function update(event) {
    if (event?.detail && !event.detail.some((name) => name === "start" || name === "end")) return;
    const { start, end } = store.state;
    for (const [name, box] of slots) {
      const i = store.state[name];
      box.replaceChildren(element("b", "", name));
      if (i < 0) box.append(element("span", "i2v-muted", "none yet"));
      else box.append(picture(store, i, 40), element("span", "", store.ids[i]));
    }
    if (start < 0 || end < 0) return say("Pick an illustration on the map, then “Use as start” or “Use as end”.", []);
    const found = morph(graph, start, end, length.value === "" ? null : Number(length.value));
    const total = found.distances.reduce((sum, d) => sum + d, 0);
    const between = found.path.length - 2;
    const words = {
      found: `${between} ${between === 1 ? "illustration" : "illustrations"} between; ${total.toLocaleString("en")} bits altogether.`,
      same: "Start and end are the same illustration.",
      no_path: length.value === "" ? "No path joins the two." : `No path with exactly ${length.value} illustrations between${shortest(start, end)}.`,
      gave_up: "The search for this number takes too long here; ask for another number.",
    };
    say(words[found.status], found.path, found);
    remember();
  }

  function shortest(start, end) {
    const { status, path } = morph(graph, start, end);
    return status === "found" ? `; the shortest has ${path.length - 2}` : ", nor with another number: the two are not joined";
  }

  function say(text, path, found) {
    status.textContent = text;
    result.replaceChildren(...(path.length > 1 ? [strip(store, found, pick)] : []));
    store.set({ path });
  }

  /** The address tells the morph, so that it can be passed on. */
  function remember() {
    const { start, end } = store.state;
    const told = new URLSearchParams({ start: store.ids[start], end: store.ids[end], between: length.value });
    if (location.hash !== `#${told}`) location.replace(`#${told}`);
  }

  function recall() {
    const told = new URLSearchParams(location.hash.slice(1));
    const [start, end] = ["start", "end"].map((name) => store.number.get(told.get(name)) ?? -1);
    if (start < 0 || end < 0) return false;
    length.value = told.get("between") ?? "";
    store.set({ start, end });
    return true;
  }

  store.addEventListener("change", update);
  length.addEventListener("change", () => update());
  addEventListener("hashchange", () => recall() && update());
  const [start, end, between] = store.example;
  length.value = between ?? "";
  if (!recall()) store.set({ start, end });
  update();
}

const data = JSON.parse(document.getElementById("data").textContent);
const arrays = unpack(data.map, bytes(data.bytes).buffer);
const store = new MapStore(data.map, arrays, coarser(data.map, data.sheets));
const graph = new Graph(arrays.graph_starts, arrays.graph_ends, arrays.graph_weights);
const { canvas } = mapView(store, document.getElementById("map"));
morphing(store, graph, canvas, document.getElementById("morph"));
window.explorer = { store, graph, morph, canvas }; // for the console, and for tests
