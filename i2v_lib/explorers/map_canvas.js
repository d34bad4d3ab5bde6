import { Camera, between } from "./camera.js";
import { element } from "./dom.js";
import { listen } from "./gestures.js";
import { Painter } from "./painter.js";
import { inside } from "./places.js";

const FLIGHT = 600; // milliseconds to a bookmark
const CALM = 150; // milliseconds without motion before the map is drawn at its best
const ANIMATED = 5000; // illustrations up to which a change of the layout is shown on its way
const HELP =
  "Map of illustrations. Arrow keys move it, plus and minus zoom, 0 shows all of it. Enter takes the illustration at " +
  "its middle; then Tab goes to the next one, Enter picks it, and Escape lets go.";
const KEYS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** A map on a canvas: it is moved, zoomed and picked from by mouse, fingers and keys. */
export class MapCanvas {
  constructor(store, root) {
    this.store = store;
    this.root = root;
    this.canvas = element("canvas", "i2v-canvas", undefined, {
      tabindex: "0",
      role: "application",
      "aria-label": HELP,
      "aria-roledescription": "map",
    });
    this.tip = element("div", "i2v-tip", undefined, { hidden: "" });
    this.live = element("div", "i2v-unseen", undefined, { "aria-live": "polite" });
    this.element = element("div", "i2v-map");
    this.element.append(this.canvas, this.tip, this.live);
    this.under = this.cursor = -1;
    this.drawing = false; // whether a drag draws a lasso
    this.painter = new Painter(this.canvas, store);
    this.camera = new Camera(this.layout.box);
    this.xy = this.layout.xy;
    listen(this.canvas, this);
    this.canvas.addEventListener("keydown", (event) => this._key(event));
    this.canvas.addEventListener("blur", () => this._goTo(-1));
    this._redraw = () => this.invalidate();
    this._theme = () => {
      this.painter.theme = null;
      this.invalidate();
    };
    this._change = ({ detail }) => this._changed(detail);
    store.addEventListener("change", this._change);
    store.sheets.addEventListener("arrived", this._redraw);
    this.sizes = new ResizeObserver(() => this._resize());
    this.sizes.observe(this.element);
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.dark.addEventListener("change", this._theme);
    this.themes = new MutationObserver(this._theme); // JupyterLab tells its theme there
    this.themes.observe(document.body, { attributes: true });
    this._watchDensity();
  }

  get layout() {
    return this.store.layouts[this.store.state.layout];
  }

  /** Let go of everything outside of the element. */
  remove() {
    this.store.removeEventListener("change", this._change);
    this.store.sheets.removeEventListener("arrived", this._redraw);
    this.dark.removeEventListener("change", this._theme);
    this.sizes.disconnect();
    this.themes.disconnect();
    this.density?.removeEventListener("change", this._dense);
    cancelAnimationFrame(this.waiting);
    clearTimeout(this.rest);
  }

  /** Draw before the browser's next frame, once; and once more, at best quality, when nothing has moved for a while. */
  invalidate() {
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this._draw(performance.now(), true), CALM);
    this.waiting ||= requestAnimationFrame((now) => {
      this.waiting = 0;
      this._draw(now);
    });
  }

  _watchDensity() {
    this.density?.removeEventListener("change", this._dense);
    this.density = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    this._dense = () => {
      this._watchDensity();
      this._resize();
    };
    this.density.addEventListener("change", this._dense);
  }

  _resize() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!width || !height) return; // it is hidden, such as in another tab
    this.dpr = Math.min(devicePixelRatio || 1, 3);
    this.canvas.width = Math.round(width * this.dpr);
    this.canvas.height = Math.round(height * this.dpr);
    this.camera.resize(width, height);
    this._draw(performance.now()); // at once: a canvas of a new size is empty
  }

  _draw(now, calm = false) {
    if (!this.camera.width) return;
    if (!this.painter.theme) this.painter.readTheme(this.root);
    if (this.flight) {
      const t = Math.min((now - this.flight.begun) / FLIGHT, 1);
      this.camera.place(t < 1 ? between(this.flight.from, this.flight.to, Math.max(t, 0)) : this.flight.to);
      if (t >= 1) this.flight = null;
    }
    if (this.change) this._shift(now);
    const { camera, dpr, xy, under, cursor } = this;
    this.painter.paint({ camera, dpr, xy, hover: under, cursor, lasso: this.drawn, moving: Boolean(this.change), calm });
    if (this.flight || this.change) this.invalidate();
  }

  _shift(now) {
    const { from, to, begun } = this.change;
    const t = Math.min((now - begun) / FLIGHT, 1), eased = 1 - (1 - t) ** 3;
    if (t >= 1) this.change = null;
    this.xy = t >= 1 ? to : from.map((value, k) => value + (to[k] - value) * Math.max(eased, 0));
  }

  _changed(names) {
    if (names.includes("layout")) {
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches || this.store.count > ANIMATED;
      const to = this.layout.xy;
      this.change = calm ? null : { from: this.xy, to, begun: performance.now() };
      if (calm) this.xy = to;
      this.camera.whole = this.layout.box;
      if (this.camera.fitted) this.fit();
    }
    if (names.includes("region")) this._showRegion();
    this.invalidate();
  }

  /** Show all of the map. */
  fit() {
    this.fly(this.camera.around(this.camera.whole), true);
  }

  fly(to, fitted = false) {
    const { x, y, scale } = this.camera;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.camera.fitted = fitted;
    this.flight = calm ? null : { from: { x, y, scale }, to, begun: performance.now() };
    if (calm) this.camera.place(to);
    this.invalidate();
  }

  /** Show some illustrations, and a little of what is around them. */
  show(some, room = 1.5) {
    if (!some.length) return;
    const { xy } = this.layout;
    const box = { left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity };
    for (const i of some) {
      box.left = Math.min(box.left, xy[2 * i]);
      box.right = Math.max(box.right, xy[2 * i]);
      box.top = Math.min(box.top, xy[2 * i + 1]);
      box.bottom = Math.max(box.bottom, xy[2 * i + 1]);
    }
    this.fly(this.camera.around(box, room));
  }

  _showRegion() {
    const region = this.store.regions.find(({ letter }) => letter === this.store.state.region);
    if (region) this.show(region.members);
  }

  /** The illustration at a place of the canvas, or the nearest within some pixels, or −1. */
  at(px, py, reach = 6) {
    const { camera, painter } = this;
    const [x, y] = camera.toPlane(px, py);
    const half = painter.sideAt(camera, this.dpr) / this.dpr / camera.scale / 2, far = Math.max(half, reach / camera.scale);
    const found = this.layout.within(x - far, y - far, x + far, y + far, painter.visible);
    let best = -1, least = Infinity;
    for (let v = 0; v < found; v++) {
      const i = painter.visible[v], away = Math.hypot(this.xy[2 * i] - x, this.xy[2 * i + 1] - y);
      if (away < least) [best, least] = [i, away];
    }
    return best;
  }

  pan(dx, dy) {
    this.flight = null;
    this.camera.pan(dx, dy);
    this._hideTip();
    this.invalidate();
  }

  zoom(x, y, factor) {
    this.flight = null;
    this._hideTip();
    const zoomed = this.camera.zoom(x, y, factor);
    if (zoomed) this.invalidate();
    return zoomed;
  }

  tap(x, y) {
    const picked = this.at(x, y, 10);
    this.store.set({ picked, selected: picked < 0 ? [] : this.store.state.selected });
  }

  open(x, y) {
    this.camera.fitted = false;
    const [px, py] = this.camera.toPlane(x, y);
    this.fly({ x: px, y: py, scale: this.camera.limited(this.camera.scale * 2.5) });
  }

  hover(x, y) {
    const hover = x === null ? -1 : this.at(x, y);
    if (hover >= 0) this._showTip(hover, x, y);
    else this._hideTip();
    if (hover === this.under) return;
    this.under = hover;
    this.canvas.style.cursor = hover >= 0 ? "pointer" : "";
    this.invalidate();
  }

  lassoing() {
    return this.drawing;
  }

  lasso(points, done) {
    this._hideTip();
    this.under = -1;
    this.drawn = done || points.length < 2 ? null : points;
    if (done) {
      const polygon = points.map(([x, y]) => this.camera.toPlane(x, y));
      const xs = polygon.map(([x]) => x), ys = polygon.map(([, y]) => y);
      const { visible } = this.painter;
      const seen = this.layout.within(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys), visible);
      const selected = Array.from(visible.subarray(0, seen)).filter((i) => inside(polygon, this.xy[2 * i], this.xy[2 * i + 1]));
      this.store.set({ selected: selected.sort((a, b) => a - b), picked: -1 });
    }
    this.invalidate();
  }

  _showTip(i, x, y) {
    const { store, tip, camera } = this;
    if (tip.dataset.of !== String(i)) {
      const words = store.tagsOf(i).map((t) => store.tags[t]);
      const some = words.length > 14 ? [...words.slice(0, 14), "…"] : words;
      tip.replaceChildren(element("b", "", store.ids[i]), element("span", "", some.join(", ")));
      tip.dataset.of = String(i);
    }
    tip.hidden = false;
    const { offsetWidth: wide, offsetHeight: high } = tip;
    tip.style.left = `${Math.max(Math.min(x + 28, camera.width - wide - 4), 4)}px`;
    tip.style.top = `${y + 28 + high < camera.height ? y + 28 : Math.max(y - high - 28, 4)}px`;
  }

  _hideTip() {
    this.tip.hidden = true;
    this.tip.dataset.of = "";
  }

  _key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { camera } = this, middle = [camera.width / 2, camera.height / 2];
    const move = KEYS[event.key];
    if (move) this.pan(move[0] * 60, move[1] * 60);
    else if (event.key === "+" || event.key === "=") this.zoom(...middle, 1.3);
    else if (event.key === "-" || event.key === "_") this.zoom(...middle, 1 / 1.3);
    else if (event.key === "0") this.fit();
    else if (event.key === "Enter" || event.key === " ") this._enter(middle);
    else if (event.key === "Escape" && this.cursor >= 0) this._goTo(-1);
    else if (event.key === "Tab" && this.cursor >= 0) this._next(event.shiftKey ? -1 : 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  _enter(middle) {
    if (this.cursor >= 0) this.store.set({ picked: this.cursor });
    else this._goTo(this.at(...middle, Infinity));
  }

  /** The next illustration in view, along the curve that the sheets follow. */
  _next(step) {
    const { slots } = this.store, { painter, camera } = this;
    const [left, top] = camera.toPlane(0, 0), [right, bottom] = camera.toPlane(camera.width, camera.height);
    const seen = Array.from(painter.visible.subarray(0, this.layout.within(left, top, right, bottom, painter.visible)));
    if (!seen.length) return;
    seen.sort((a, b) => slots[a] - slots[b]);
    const place = seen.indexOf(this.cursor);
    this._goTo(seen[place < 0 ? 0 : (place + step + seen.length) % seen.length]);
  }

  _goTo(i) {
    if (i === this.cursor) return;
    this.cursor = i;
    const { store } = this;
    if (i >= 0) {
      this.live.textContent = `${store.ids[i]}: ${store.tagsOf(i).map((t) => store.tags[t]).join(", ")}`;
      const [x, y] = this.camera.toScreen(this.xy[2 * i], this.xy[2 * i + 1]);
      this._showTip(i, x, y);
    } else {
      this._hideTip();
    }
    this.invalidate();
  }
}
