import { button, element } from "./dom.js";

/** A field that searches tags and ids, with suggestions; what it finds is highlighted on the map. */
export function searchBox(store, canvas) {
  const box = element("div", "i2v-search");
  const name = `i2v-list-${Math.random().toString(36).slice(2)}`;
  const field = element("input", "", undefined, {
    type: "search",
    placeholder: "Search tags, such as “sketch, -1girl”",
    "aria-label": "Search tags or ids; commas mean and, a minus means without",
    role: "combobox",
    "aria-expanded": "false",
    "aria-controls": name,
    autocomplete: "off",
    spellcheck: "false",
  });
  const list = element("div", "i2v-suggestions", undefined, { id: name, role: "listbox", hidden: "" });
  const found = element("span", "i2v-found", "", { "aria-live": "polite" });
  const show = button("Show", "Move the map to what was found", () => canvas.show(matching()));
  show.hidden = true;
  box.append(field, list, found, show);
  let options = [], active = -1;

  const matching = () => store.ids.map((_, i) => i).filter((i) => store.matches?.[i]);
  const parts = () => field.value.split(",");
  const last = () => parts().at(-1).trim().replace(/^-/, "");

  function choose(tag) {
    const before = parts().slice(0, -1).map((part) => part.trim());
    const minus = parts().at(-1).trim().startsWith("-") ? "-" : "";
    field.value = [...before, minus + store.tags[tag]].join(", ");
    close();
    store.set({ query: field.value });
  }

  function close() {
    list.hidden = true;
    active = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  }

  function suggest() {
    const tags = store.suggest(last());
    options = tags.map((tag, k) => {
      const option = element("div", "i2v-option", undefined, { role: "option", id: `${name}-${k}` });
      option.append(element("span", "", store.tags[tag]), element("small", "", `${store.categories[tag]} · ${store.countOf(tag)}`));
      option.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        choose(tag);
      });
      return [tag, option];
    });
    list.replaceChildren(...options.map(([, option]) => option));
    list.hidden = !options.length;
    active = -1;
    field.setAttribute("aria-expanded", String(!list.hidden));
  }

  function point(to) {
    active = (to + options.length) % options.length;
    options.forEach(([, option], k) => option.setAttribute("aria-selected", String(k === active)));
    field.setAttribute("aria-activedescendant", `${name}-${active}`);
  }

  field.addEventListener("input", () => {
    suggest();
    store.set({ query: field.value });
  });
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "ArrowDown" && options.length && !list.hidden) point(active + 1);
    else if (event.key === "ArrowUp" && options.length && !list.hidden) point(active < 0 ? -1 : active - 1);
    else if (event.key === "Enter" && active >= 0) choose(options[active][0]);
    else if (event.key === "Enter") close();
    else if (event.key === "Escape" && !list.hidden) close();
    else return;
    event.preventDefault();
  });

  const update = () => {
    if (field.value !== store.state.query && document.activeElement !== field) field.value = store.state.query;
    const count = store.matches?.reduce((sum, one) => sum + one, 0);
    found.textContent = store.matches ? `${count.toLocaleString("en")} found` : "";
    show.hidden = !count;
  };
  store.addEventListener("change", update);
  update();
  return { element: box, remove: () => store.removeEventListener("change", update) };
}
