import { button, element, sourceLink } from "./dom.js";
import { picture } from "./picture.js";

const STRIP_SIDE = 132; // CSS pixels of a picture
const SHOWN_TAGS = 7; // tags of a line before it is shortened

/** A path as one strip: pictures, the distance of each step, and the tags it keeps, gains and loses. */
export function strip(store, { path, distances }, pick) {
  const made = element("div", "i2v-gallery i2v-strip");
  made.style.setProperty("--i2v-side", `${STRIP_SIDE}px`);
  path.forEach((i, place) => {
    const card = element("figure", "i2v-card");
    const role = place === 0 ? "start" : place === path.length - 1 ? "end" : "";
    const frame = element("div", "i2v-frame");
    const show = button("", `Show ${store.ids[i]} on the map`, () => pick(i), "i2v-picture");
    show.append(picture(store, i, STRIP_SIDE, ""));
    if (role) show.dataset.mark = role;
    frame.append(show);
    if (role) {
      const badge = element("span", "i2v-badge", role);
      badge.dataset.mark = role;
      frame.append(badge);
    }
    const words = element("figcaption", "i2v-caption");
    const name = element("div", "i2v-line i2v-strong");
    name.append(sourceLink(store.links[i] ?? "", store.ids[i]));
    words.append(name, ...(place ? changes(store, path[place - 1], i) : [tags(store, "muted", store.tagsOf(i))]));
    card.append(frame, words);
    if (!place) return made.append(card);
    const step = element("div", "i2v-step");
    step.append(element("span", "i2v-arrow", "→"), element("span", "i2v-distance", `${distances[place - 1]} bits`));
    const pair = element("div", "i2v-pair");
    pair.append(step, card);
    made.append(pair);
  });
  return made;
}

function changes(store, from, to) {
  const before = store.tagsOf(from), after = store.tagsOf(to);
  const lines = {
    gained: after.filter((t) => !before.includes(t)),
    lost: before.filter((t) => !after.includes(t)),
    kept: after.filter((t) => before.includes(t)),
  };
  return Object.entries(lines).filter(([, own]) => own.length).map(([kind, own]) => tags(store, kind, own));
}

function tags(store, kind, own) {
  const names = own.map((t) => store.tags[t]).sort();
  const text = names.length > SHOWN_TAGS ? `${names.slice(0, SHOWN_TAGS).join(", ")} and ${names.length - SHOWN_TAGS} more` : names.join(", ");
  return element("div", `i2v-line i2v-${kind}`, text, { title: `${kind === "muted" ? "tags" : kind}: ${names.join(", ")}` });
}
