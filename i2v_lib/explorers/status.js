const SIGNS = { busy: "…", warning: "!", error: "✗" };

function render({ model, el }) {
  el.classList.add("i2v");
  const line = document.createElement("div");
  line.setAttribute("role", "status");
  const show = () => {
    const kind = model.get("kind");
    line.className = `i2v-status i2v-${kind}`;
    line.dataset.sign = SIGNS[kind] ?? "";
    line.textContent = model.get("text");
  };
  model.on("change:text", show);
  model.on("change:kind", show);
  show();
  el.append(line);
  return () => {
    model.off("change:text", show);
    model.off("change:kind", show);
  };
}

export default { render };
