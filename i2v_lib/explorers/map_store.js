import { Places } from "./places.js";
import { Sheets } from "./sheets.js";

const TYPES = { float32: Float32Array, uint32: Uint32Array, uint16: Uint16Array, uint8: Uint8Array };
export const COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00"]; // Okabe–Ito
export const SHAPES = ["●", "■", "▲", "◆", "★"]; // each color's second cue
const START = { layout: "", colors: [], query: "", selected: [], picked: -1, start: -1, end: -1, path: [], region: "" };

/** Typed arrays of what Python packed: name -> array. */
export function unpack(header, buffer, offset = 0) {
  return Object.fromEntries(
    header.arrays.map(([name, type, place, length]) => [name, new TYPES[type](buffer, offset + place, length)]),
  );
}

/** The illustrations of a map with their tags and pictures, and what is chosen among them; all views share it. */
export class MapStore extends EventTarget {
  constructor(header, arrays, load) {
    super();
    Object.assign(this, header, arrays);
    this.count = header.ids.length;
    this.sheets = new Sheets({ sides: header.sides, sheet: header.sheet, count: this.count }, load);
    this.layouts = { places: new Places(this.places) };
    if (this.cells) this.layouts.grid = new Places(this.cells);
    this.state = { ...START, layout: this.cells ? "grid" : "places" };
    this.lowered = this.tags.map((tag) => tag.toLowerCase());
    this.number = new Map(this.ids.map((id, i) => [id, i]));
    this._index();
    this.matches = null;
  }

  /** Which illustrations carry each tag, as tag_starts and tag_numbers tell which tags each illustration carries. */
  _index() {
    const { tags, count, tag_starts, tag_numbers } = this;
    this.carrierStarts = new Uint32Array(tags.length + 1);
    for (const tag of tag_numbers) this.carrierStarts[tag + 1]++;
    for (let t = 0; t < tags.length; t++) this.carrierStarts[t + 1] += this.carrierStarts[t];
    const next = this.carrierStarts.slice();
    this.carriers = new Uint32Array(tag_numbers.length);
    for (let i = 0; i < count; i++) {
      for (let k = tag_starts[i]; k < tag_starts[i + 1]; k++) this.carriers[next[tag_numbers[k]]++] = i;
    }
  }

  tagsOf(i) {
    return Array.from(this.tag_numbers.subarray(this.tag_starts[i], this.tag_starts[i + 1]));
  }

  carriersOf(tag) {
    return this.carriers.subarray(this.carrierStarts[tag], this.carrierStarts[tag + 1]);
  }

  countOf(tag) {
    return this.carrierStarts[tag + 1] - this.carrierStarts[tag];
  }

  /** Tags that hold a text, those that begin with it first, then the frequent ones. */
  suggest(text, most = 8) {
    const wanted = text.trim().toLowerCase();
    if (!wanted) return [];
    const found = [];
    this.lowered.forEach((tag, t) => tag.includes(wanted) && found.push(t));
    const begins = (t) => (this.lowered[t] === wanted ? 2 : Number(this.lowered[t].startsWith(wanted)));
    return found.sort((a, b) => begins(b) - begins(a) || this.countOf(b) - this.countOf(a) || a - b).slice(0, most);
  }

  /**
   * Which illustrations a query finds: Uint8Array of 0 and 1, or null for an empty query.
   *
   * Between commas stand tags, parts of tags or ids; all must hold. One after a minus must not.
   */
  search(query) {
    const terms = query.toLowerCase().split(",").map((term) => term.trim()).filter((term) => term && term !== "-");
    if (!terms.length) return null;
    const found = new Uint8Array(this.count).fill(1);
    for (const term of terms) {
      const without = term.startsWith("-"), wanted = without ? term.slice(1).trim() : term;
      const exact = this.lowered.includes(wanted);
      const own = new Uint8Array(this.count);
      this.lowered.forEach((tag, t) => {
        if (exact ? tag === wanted : tag.includes(wanted)) for (const i of this.carriersOf(t)) own[i] = 1;
      });
      this.ids.forEach((id, i) => id.toLowerCase() === wanted && (own[i] = 1));
      for (let i = 0; i < this.count; i++) if (own[i] === Number(without)) found[i] = 0;
    }
    return found;
  }

  /** Tags that some illustrations share more often than all: [tag, how many of them, how many times as often]. */
  typical(some, most = 8) {
    const counts = new Map();
    for (const i of some) for (const t of this.tagsOf(i)) counts.set(t, (counts.get(t) ?? 0) + 1);
    const rows = [...counts].map(([t, c]) => [t, c, c / some.length / (this.countOf(t) / this.count)]);
    const telling = rows.filter(([, c, lift]) => c > 1 && c >= some.length / 4 && lift > 1.2);
    const weight = ([, c, lift]) => c * Math.log(lift);
    return telling.sort((a, b) => weight(b) - weight(a) || a[0] - b[0]).slice(0, most);
  }

  /** Change what is chosen, and tell all who listen. */
  set(changes) {
    const changed = Object.keys(changes).filter((name) => !same(this.state[name], changes[name]));
    if (!changed.length) return;
    Object.assign(this.state, changes);
    if (changed.includes("query")) this.matches = this.search(this.state.query);
    if (changed.includes("colors")) this._color();
    this.dispatchEvent(new CustomEvent("change", { detail: changed }));
  }

  /** Color by a tag, or no longer; when all colors are taken, the first is given to it. */
  toggleColor(tag) {
    const { colors } = this.state;
    const rest = colors.filter((t) => t !== tag);
    if (rest.length < colors.length) this.set({ colors: rest });
    else this.set({ colors: [...colors.slice(colors.length < COLORS.length ? 0 : 1), tag] });
  }

  /** Color by the most frequent tags of a category. */
  colorByCategory(category) {
    const own = this.tags.map((_, t) => t).filter((t) => this.categories[t] === category);
    own.sort((a, b) => this.countOf(b) - this.countOf(a) || a - b);
    this.set({ colors: own.slice(0, COLORS.length) });
  }

  _color() {
    const { colors } = this.state;
    this.colored = colors.length ? new Uint8Array(this.count) : null; // 1 + the place of its tag; the first counts
    colors.forEach((tag, place) => {
      for (const i of this.carriersOf(tag)) this.colored[i] ||= place + 1;
    });
  }
}

function same(a, b) {
  if (!Array.isArray(a) || !Array.isArray(b)) return a === b;
  return a.length === b.length && a.every((item, i) => item === b[i]);
}
