import { adopt, element } from "./dom.js";

const ARROWS = { ArrowLeft: "left", ArrowRight: "right" };

function render({ model, el }) {
  adopt(el);
  const options = model.get("options");
  const root = element("div", "i2v-ballot");
  root.tabIndex = 0;
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "One trial of the user study");
  el.append(root);
  let current = 0, urls = [], sent = false;
  // Kept here until they are cast: a late message with answers would fill the next trial with them.
  let given = [];
  const complete = () => given.every((answer) => answer);

  function answer(question, option) {
    if (sent) return;
    given[question] = option;
    const next = given.findIndex((one, i) => i > question && !one);
    current = next >= 0 ? next : Math.max(given.findIndex((one) => !one), 0);
    if (!given.includes("")) current = question;
    mark();
  }

  function send(event) {
    if (sent || (event === "cast" && !complete()) || (event === "undo" && !model.get("can_undo"))) return;
    sent = true; // until the kernel has answered: a double click votes once
    model.send({ event, shown: model.get("shown"), answers: given });
  }

  function picture(data, name) {
    const made = element("figure", "i2v-shown");
    const image = element("img", "");
    image.alt = name;
    const url = URL.createObjectURL(new Blob([data]));
    urls.push(url);
    image.src = url;
    made.append(image, element("figcaption", "", name));
    return made;
  }

  let rows = [];
  const cast = element("button", "i2v-cast", "Next");
  const undo = element("button", "i2v-action", "Undo the last vote");
  cast.type = undo.type = "button";
  cast.title = "Enter";
  undo.title = "Backspace";
  cast.addEventListener("click", () => send("cast"));
  undo.addEventListener("click", () => send("undo"));

  function draw() {
    const inside = root.contains(document.activeElement);
    urls.forEach((url) => URL.revokeObjectURL(url));
    urls = [];
    current = 0;
    given = [...model.get("answers")];
    const parts = [];
    if (model.get("pictures").length) {
      const [a, left, right] = model.get("pictures");
      const pair = element("div", "i2v-pair-shown");
      pair.append(picture(left, "left"), picture(right, "right"));
      const pictures = element("div", "i2v-trial");
      pictures.append(picture(a, "A"), pair);
      const questions = element("div", "i2v-questions");
      rows = model.get("questions").map((text, question) => {
        const row = element("div", "i2v-question");
        row.setAttribute("role", "radiogroup");
        row.setAttribute("aria-label", text);
        row.append(element("span", "i2v-asked", text));
        const group = element("span", "i2v-options");
        options.forEach((option, i) => {
          const button = element("button", "i2v-option", option);
          button.type = "button";
          button.tabIndex = -1;
          button.title = `key ${i + 1}`;
          button.setAttribute("role", "radio");
          button.addEventListener("click", () => {
            answer(question, option);
            root.focus({ preventScroll: true });
          });
          group.append(button);
        });
        row.append(group);
        return row;
      });
      const keys = options.map((option, i) => `${i + 1} ${option}`).join(", ");
      const hint = `Keys: ${keys}; ↑ ↓ another question; Enter next; Backspace undo`;
      questions.append(...rows, element("div", "i2v-muted", hint));
      parts.push(pictures, questions);
    } else rows = [];
    const foot = element("div", "i2v-foot");
    if (rows.length) foot.append(cast);
    foot.append(undo);
    root.replaceChildren(...parts, foot);
    mark();
    if (inside) root.focus({ preventScroll: true });
  }

  function mark() {
    rows.forEach((row, question) => {
      row.classList.toggle("i2v-current", question === current);
      row.querySelectorAll("button").forEach((button, i) =>
        button.setAttribute("aria-checked", String(given[question] === options[i])),
      );
    });
    cast.disabled = !complete();
    undo.disabled = !model.get("can_undo");
  }

  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const onButton = event.target === cast || event.target === undo;
    const option = options[Number(event.key) - 1] ?? ARROWS[event.key];
    if (option && rows.length) answer(current, option);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      current = Math.min(Math.max(current + (event.key === "ArrowDown" ? 1 : -1), 0), rows.length - 1);
      mark();
    } else if (event.key === "Enter" && !onButton) send("cast");
    else if (event.key === "Backspace") send("undo");
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  let waiting = false;
  const redraw = () => {
    if (!waiting) queueMicrotask(() => ((waiting = false), draw()));
    waiting = true;
  };
  const again = () => (sent = false);
  const take = () => ((given = [...model.get("answers")]), mark());
  model.on("change:version", redraw);
  model.on("change:answers", take);
  model.on("change:received", again);
  draw();
  return () => {
    model.off("change:version", redraw);
    model.off("change:answers", take);
    model.off("change:received", again);
    urls.forEach((url) => URL.revokeObjectURL(url));
  };
}

export default { render };
