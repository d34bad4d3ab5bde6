// Small helpers that build what a page shows. All text is set as text, never as markup.

export function element(tag, className = "", text = undefined, attributes = {}) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** Make an element ours: our styles apply inside, and keys that are pressed inside are not a notebook's shortcuts.
 * JupyterLab and Notebook 7 look for the mark at the focused element, and around it only if no shortcut fits that. */
export function adopt(root) {
  root.classList.add("i2v");
  root.addEventListener("focusin", ({ target }) => target.setAttribute("data-lm-suppress-shortcuts", "true"));
}

export function button(text, label, act, className = "i2v-action") {
  const made = element("button", className, text, { type: "button", title: label, "aria-label": label });
  made.addEventListener("click", act);
  return made;
}

/** The address of a source, or null for anything but http and https. */
export function safeAddress(text) {
  try {
    const url = new URL(text);
    return ["http:", "https:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

export function sourceLink(address, text) {
  const safe = safeAddress(address);
  if (!safe) return element("span", "", text);
  return element("a", "", text, { href: safe, target: "_blank", rel: "noopener noreferrer" });
}
