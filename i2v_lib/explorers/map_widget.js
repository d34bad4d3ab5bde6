import { element } from "./dom.js";
import { MapStore, unpack } from "./map_store.js";
import { mapView } from "./map_view.js";
import { decode } from "./sheets.js";

const ANSWER_WITHIN = 20_000; // milliseconds for an answer
const stores = new WeakMap(); // model -> promise of its store: all its views share it

/** Ask the kernel; it answers with the same number. */
function asker(model) {
  const waiting = new Map();
  let last = 0;
  model.on("msg:custom", (content, buffers) => {
    const [done, refuse] = waiting.get(content.number) ?? [];
    waiting.delete(content.number);
    if (content.error) refuse?.(new Error(content.error));
    else done?.([content, buffers.map((view) => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength))]);
  });
  return (question) =>
    new Promise((done, refuse) => {
      const number = `${Date.now()}-${Math.random()}-${last++}`; // another page may ask the same kernel
      waiting.set(number, [done, refuse]);
      setTimeout(() => waiting.delete(number) && refuse(new Error("the kernel does not answer")), ANSWER_WITHIN);
      model.send({ ...question, number });
    });
}

async function load(model) {
  const ask = asker(model);
  const parts = [];
  let have = 0, all = 1;
  while (have < all) {
    const [content, [part]] = await ask({ ask: "data", start: have });
    parts.push(part);
    have += part.byteLength;
    all = content.length;
  }
  const buffer = await new Blob(parts).arrayBuffer();
  const long = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, long)));
  const arrays = unpack(header, buffer.slice(4 + long));
  const sheet = async (level, number) => decode((await ask({ ask: "sheet", level, sheet: number }))[1][0]);
  const store = new MapStore(header, arrays, sheet);
  tie(model, store);
  return store;
}

/** Keep the model's traits and what is chosen in the store the same. */
function tie(model, store) {
  const id = (i) => (i < 0 ? "" : store.ids[i]), number = (name) => store.number.get(name) ?? -1;
  const tag = new Map(store.tags.map((name, t) => [name, t]));
  const known = (numbers) => numbers.filter((n) => n !== undefined && n >= 0);
  const ways = {
    layout: [(v) => v, (v) => (store.layouts[v] ? v : store.state.layout)],
    query: [(v) => v, (v) => v],
    region: [(v) => v, (v) => v],
    colors: [(v) => v.map((t) => store.tags[t]), (v) => known(v.map((name) => tag.get(name)))],
    selected: [(v) => v.map(id), (v) => known(v.map(number))],
    picked: [id, number],
    start: [id, number],
    end: [id, number],
    path: [(v) => v.map(id), (v) => known(v.map(number))],
  };
  const trait = (name) => (name === "layout" ? "layout_name" : name); // every widget has another layout
  let taking = false; // what comes from the model does not go back: it may name more than is on the map
  const take = (name) => {
    taking = true;
    store.set({ [name]: ways[name][1](model.get(trait(name))) });
    taking = false;
  };
  for (const name of Object.keys(ways)) {
    take(name);
    model.on(`change:${trait(name)}`, () => take(name));
  }
  store.addEventListener("change", ({ detail }) => {
    if (taking) return;
    for (const name of detail) model.set(trait(name), ways[name][0](store.state[name]));
    model.save_changes();
  });
}

export default {
  render({ model, el }) {
    const root = element("div", "i2v i2v-explorer");
    const status = element("div", "i2v-status i2v-busy", "Loading the map …", { role: "status" });
    const stretch = () => root.style.setProperty("--i2v-height", `${model.get("height")}px`);
    model.on("change:height", stretch);
    stretch();
    root.append(status);
    el.append(root);
    let view = null, gone = false, lost = null, store = null, arrived = null;
    const say = (text, kind) => {
      status.textContent = text;
      status.className = `i2v-status i2v-${kind}`;
      status.hidden = !text;
    };
    if (!stores.has(model)) stores.set(model, load(model));
    stores.get(model).then(
      (ready) => {
        if (gone) return;
        store = ready;
        say("", "busy");
        view = mapView(store, root);
        lost = ({ detail }) => say(`${detail}; what has been loaded stays. Run the cell again for the rest.`, "warning");
        arrived = () => status.hidden || say("", "busy");
        store.sheets.addEventListener("lost", lost);
        store.sheets.addEventListener("arrived", arrived);
      },
      (error) => {
        stores.delete(model);
        say(`The map did not load: ${error.message}. Run the cell again.`, "error");
      },
    );
    return () => {
      gone = true;
      model.off("change:height", stretch);
      view?.remove();
      store?.sheets.removeEventListener("lost", lost);
      store?.sheets.removeEventListener("arrived", arrived);
    };
  },
};
