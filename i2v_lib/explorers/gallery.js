import { adopt, button, element, sourceLink } from "./dom.js";

const MANY = ["version", "names", "captions", "links", "badges", "marks", "between", "actions", "disabled", "label", "side"];

function render({ model, el }) {
  adopt(el);
  const root = element("div", "i2v-gallery");
  root.setAttribute("role", "group");
  el.append(root);
  let buttons = [], images = [], urls = [], painted = null, focus = 0, waiting = false;

  const send = (index, action) => {
    if (!action) mark(index); // at once; the kernel follows
    model.send({ event: "click", index, action, version: model.get("version") });
  };

  function card(index) {
    const get = (name) => model.get(name)[index];
    const made = element("figure", "i2v-card");
    const name = get("names") ?? "";
    const frame = element("div", "i2v-frame");
    const label = [name, get("badges")].filter(Boolean).join(", ");
    const picture = button("", label, () => send(index, ""), "i2v-picture");
    picture.title = name;
    picture.dataset.mark = get("marks") ?? "";
    picture.append(images[index]);
    picture.addEventListener("focus", () => moveTo(index, false));
    buttons.push(picture);
    frame.append(picture);
    if (get("badges")) {
      const badge = element("span", "i2v-badge", get("badges"));
      badge.dataset.mark = get("marks") ?? "";
      frame.append(badge);
    }
    made.append(frame);
    const words = element("figcaption", "i2v-caption");
    const link = get("links");
    (get("captions") ?? []).forEach((line, i) => {
      const [kind, text] = Array.isArray(line) ? line : ["", line];
      const row = element("div", kind ? `i2v-line i2v-${kind}` : "i2v-line", "", { title: text });
      row.append(link && i === 0 ? sourceLink(link, text) : text);
      words.append(row);
    });
    const barred = get("disabled") ?? [];
    const bar = element("div", "i2v-actions");
    for (const [action, tooltip] of model.get("actions")) {
      if (barred.includes(action)) continue;
      const small = button(action, `${action}: ${name}`, () => send(index, action));
      small.title = tooltip;
      bar.append(small);
    }
    if (bar.childElementCount) words.insertBefore(bar, words.children[1] ?? null); // below the first line
    if (words.childElementCount) made.append(words);
    return made;
  }

  // Images stay the same elements, so that nothing flickers when a caption or a mark changes.
  function paint() {
    const pictures = model.get("pictures");
    if (pictures === painted) return;
    painted = pictures;
    const old = urls;
    urls = pictures.map((picture) => URL.createObjectURL(new Blob([picture])));
    images = urls.map((url, index) => {
      const image = images[index] ?? element("img");
      image.alt = "";
      image.draggable = false;
      image.src = url;
      return image;
    });
    old.forEach((url) => URL.revokeObjectURL(url));
  }

  function draw() {
    waiting = false;
    const inside = root.contains(document.activeElement);
    buttons = [];
    paint();
    const between = model.get("between");
    root.classList.toggle("i2v-strip", between.length > 0);
    root.style.setProperty("--i2v-side", `${model.get("side")}px`);
    root.setAttribute("aria-label", model.get("label"));
    const cards = model.get("pictures").map((_, index) => {
      const made = card(index);
      if (between[index] === undefined) return made;
      const step = element("div", "i2v-step");
      step.append(element("span", "i2v-arrow", "→"), element("span", "", between[index]));
      const pair = element("div", "i2v-pair");
      pair.append(made, step);
      return pair;
    });
    root.replaceChildren(...cards);
    mark(model.get("selected"));
    moveTo(Math.min(focus, Math.max(buttons.length - 1, 0)), inside);
  }

  function mark(selected) {
    buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(index === selected)));
  }

  function moveTo(index, take) {
    focus = index;
    buttons.forEach((button, i) => (button.tabIndex = i === index ? 0 : -1));
    if (take) buttons[index]?.focus();
  }

  // the picture above or below: the nearest one in the next row
  function vertical(direction) {
    const here = buttons[focus].getBoundingClientRect();
    let best = focus, least = Infinity;
    buttons.forEach((button, i) => {
      const there = button.getBoundingClientRect();
      const down = direction * (there.top - here.top);
      if (down < here.height / 2) return;
      const far = down * 4 + Math.abs(there.left - here.left);
      if (far < least) [best, least] = [i, far];
    });
    return best;
  }

  root.addEventListener("keydown", (event) => {
    if (!buttons.includes(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = buttons.length - 1;
    const next = {
      ArrowRight: () => Math.min(focus + 1, last),
      ArrowLeft: () => Math.max(focus - 1, 0),
      ArrowDown: () => vertical(1),
      ArrowUp: () => vertical(-1),
      Home: () => 0,
      End: () => last,
    }[event.key];
    if (next) {
      event.preventDefault();
      moveTo(next(), true);
    }
    if (next || event.key === "Enter" || event.key === " ") event.stopPropagation();
  });

  // many traits change together: draw once
  const redraw = () => {
    if (!waiting) queueMicrotask(draw);
    waiting = true;
  };
  const repaint = () => {
    if (model.get("pictures").length !== buttons.length) redraw();
    else if (!waiting) paint();
  };
  const remark = () => mark(model.get("selected"));
  MANY.forEach((name) => model.on(`change:${name}`, redraw));
  model.on("change:pictures", repaint);
  model.on("change:selected", remark);
  draw();
  return () => {
    MANY.forEach((name) => model.off(`change:${name}`, redraw));
    model.off("change:pictures", repaint);
    model.off("change:selected", remark);
    urls.forEach((url) => URL.revokeObjectURL(url));
  };
}

export default { render };
