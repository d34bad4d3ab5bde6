import { COLORS } from "./map_store.js";

const MOST_PICTURES = 2500; // in view; more are drawn dot by dot
const TINY = 9; // device pixels of a picture; smaller ones are drawn dot by dot
const FINE = 4; // device pixels from which a picture's own dots are drawn; smaller ones are of one color
const MOST_MARKS = 4000; // colored shapes or outlines in view
const FILLED = { grid: 0.94, places: 0.66 }; // a picture's share of its cell

/** Draws a map: only what is in view, the pictures as sharp as they have come, and what is chosen above them. */
export class Painter {
  constructor(canvas, store) {
    Object.assign(this, { canvas, store, visible: new Int32Array(store.count), marks: new Map() });
    this.pen = canvas.getContext("2d", { alpha: false });
  }

  /** Read the colors of the theme from the style of an element. */
  readTheme(element) {
    const style = getComputedStyle(element);
    const read = (name) => style.getPropertyValue(name).trim();
    const names = ["paper", "ink", "edge", "focus", "start", "end", "via"];
    this.theme = Object.fromEntries(names.map((name) => [name, read(`--i2v-${name}`) || "#888888"]));
    const probe = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const word = (color) => {
      probe.fillStyle = color;
      probe.fillRect(0, 0, 1, 1);
      return new Uint32Array(probe.getImageData(0, 0, 1, 1).data.buffer)[0];
    };
    this.words = { paper: word(this.theme.paper), edge: word(this.theme.edge), colors: COLORS.map(word) };
    this.marks.clear();
  }

  /** Device pixels of a picture's side. */
  sideAt(camera, dpr) {
    return Math.max(Math.round(camera.scale * dpr * FILLED[this.store.state.layout]), 1);
  }

  /**
   * Draw a frame. scene: camera, dpr, xy (where everything is), moving (whether xy is on its way, so that there is no
   * index), hover, cursor, lasso, calm (whether nothing is in motion).
   */
  paint(scene) {
    const { store, canvas, pen, visible } = this;
    const { camera, dpr, xy } = scene;
    const side = this.sideAt(camera, dpr), half = side / dpr / camera.scale / 2;
    const [left, top] = camera.toPlane(0, 0), [right, bottom] = camera.toPlane(camera.width, camera.height);
    let seen = 0;
    if (scene.moving) for (; seen < store.count; seen++) visible[seen] = seen;
    else seen = store.layouts[store.state.layout].within(left - half, top - half, right + half, bottom + half, visible);
    const frame = {
      ...scene, side, seen,
      scaleX: camera.scale * dpr,
      shiftX: (camera.width / 2 - camera.x * camera.scale) * dpr,
      shiftY: (camera.height / 2 - camera.y * camera.scale) * dpr,
    };
    store.sheets.begin();
    if (side < TINY || seen > MOST_PICTURES) {
      this._dots(frame);
    } else {
      pen.fillStyle = this.theme.paper;
      pen.fillRect(0, 0, canvas.width, canvas.height);
      this._pictures(frame);
    }
    this._outlines(frame);
    if (store.state.layout === "grid" && !scene.moving) this._regions(frame);
    this._path(frame);
    this._single(frame);
    if (scene.lasso?.length > 1) this._lasso(scene.lasso, dpr);
    store.sheets.end();
    return seen;
  }

  _corner(frame, i) {
    const x = Math.round(frame.xy[2 * i] * frame.scaleX + frame.shiftX - frame.side / 2);
    return [x, Math.round(frame.xy[2 * i + 1] * frame.scaleX + frame.shiftY - frame.side / 2)];
  }

  _isDim(i) {
    const { matches, colored } = this.store;
    return matches ? !matches[i] : colored ? !colored[i] : false;
  }

  /** Every picture from its few dots, straight into the canvas's pixels: tens of thousands a frame. */
  _dots(frame) {
    const { canvas, pen, visible, store } = this, { width, height } = canvas;
    if (this.image?.width !== width || this.image?.height !== height) {
      this.image = pen.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    const { pixels, words } = this, { dots, colors } = store.sheets, { side } = frame;
    const fine = store.sheets.sides[0], each = fine * fine;
    const from = Int32Array.from({ length: side }, (_, k) => Math.min(Math.floor(((k + 0.5) * fine) / side), fine - 1));
    const paper = ((words.paper >>> 2) & 0x3f3f3f) * 3;
    const faint = Boolean(store.matches || store.colored), { xy, scaleX, shiftX, shiftY } = frame;
    pixels.fill(words.paper);
    for (let dim = Number(faint); dim >= 0; dim--) { // what is dim lies below
      for (let v = 0; v < frame.seen; v++) {
        const i = visible[v];
        if (faint && Number(this._isDim(i)) !== dim) continue;
        const left = Math.round(xy[2 * i] * scaleX + shiftX - side / 2), top = Math.round(xy[2 * i + 1] * scaleX + shiftY - side / 2);
        const slot = store.slots[i], there = colors[slot] !== 0;
        const mark = faint && !store.matches ? store.colored[i] : 0;
        const plain = mark ? words.colors[mark - 1] : side < FINE || !there ? colors[slot] || words.edge : 0;
        const first = Math.max(0, -left), right = Math.min(side, width - left), bottom = Math.min(side, height - top);
        for (let y = Math.max(0, -top); y < bottom; y++) {
          const row = (top + y) * width + left;
          if (plain && !dim) {
            for (let x = first; x < right; x++) pixels[row + x] = plain;
            continue;
          }
          const line = slot * each + from[y] * fine;
          for (let x = first; x < right; x++) {
            const dot = plain || dots[line + from[x]];
            pixels[row + x] = dim ? (((dot >>> 2) & 0x3f3f3f) + paper) | 0xff000000 : dot;
          }
        }
      }
    }
    pen.putImageData(this.image, 0, 0);
  }

  _pictures(frame) {
    const { pen, visible, store } = this;
    const level = store.sheets.levelFor(frame.side);
    const faint = store.matches || store.colored;
    pen.imageSmoothingQuality = frame.calm ? "high" : "low"; // in motion, speed counts
    if (faint) {
      pen.globalAlpha = 0.22;
      for (let v = 0; v < frame.seen; v++) if (this._isDim(visible[v])) this._one(frame, visible[v], level);
      pen.globalAlpha = 1;
    }
    for (let v = 0; v < frame.seen; v++) if (!faint || !this._isDim(visible[v])) this._one(frame, visible[v], level);
  }

  _one(frame, i, level) {
    const [x, y] = this._corner(frame, i);
    this._picture(i, x, y, frame.side, level);
  }

  _picture(i, x, y, side, level) {
    const found = this.store.sheets.find(this.store.slots[i], level);
    if (found) {
      this.pen.drawImage(found[0], found[1], found[2], found[3], found[3], x, y, side, side);
    } else {
      this.pen.fillStyle = this.theme.edge;
      this.pen.fillRect(x, y, side, side);
    }
  }

  /** Frames of what was found and chosen, and the colored shapes. */
  _outlines(frame) {
    const { visible, store } = this, { matches, colored } = store;
    const chosen = new Set(store.state.selected);
    let left = MOST_MARKS;
    for (let v = 0; v < frame.seen && left > 0; v++) {
      const i = visible[v], mark = colored?.[i];
      if (!mark && !matches?.[i] && !chosen.has(i)) continue;
      left--;
      const [x, y] = this._corner(frame, i);
      if (chosen.has(i)) this._frame(x, y, frame.side, this.theme.focus, Math.min(2 * frame.dpr, frame.side / 8 + 0.5));
      else if (matches?.[i]) this._frame(x, y, frame.side, this.theme.ink, 1.5 * frame.dpr);
      if (mark) this._mark(frame, x, y, mark - 1);
    }
  }

  _mark(frame, x, y, place) {
    const { side, dpr } = frame, small = side < 16 * dpr;
    if (!small) this._frame(x, y, side, COLORS[place], Math.min(Math.max(side * 0.07, 2 * dpr), 5 * dpr));
    const size = Math.round(small ? Math.max(side, 7 * dpr) : Math.min(Math.max(side * 0.3, 10 * dpr), 24 * dpr));
    const image = this._shape(place, size);
    const to = small ? (side - image.width) / 2 : -image.width / 4;
    this.pen.drawImage(image, Math.round(x + to), Math.round(y + to));
  }

  /** A colored shape with a light edge, drawn once a size. */
  _shape(place, size) {
    const key = `${place}/${size}`;
    if (!this.marks.has(key)) {
      const image = new OffscreenCanvas(size + 4, size + 4), pen = image.getContext("2d");
      outline(pen, place, size / 2 + 2, size / 2);
      pen.lineWidth = Math.max(size / 6, 2);
      pen.lineJoin = "round";
      pen.strokeStyle = this.theme.paper;
      pen.fillStyle = COLORS[place];
      pen.stroke();
      pen.fill();
      this.marks.set(key, image);
    }
    return this.marks.get(key);
  }

  _frame(x, y, side, color, width) {
    const { pen } = this;
    pen.lineWidth = width;
    pen.strokeStyle = color;
    pen.strokeRect(x - width / 2, y - width / 2, side + width, side + width);
  }

  _regions(frame) {
    const { pen } = this, { dpr, scaleX, shiftX, shiftY } = frame;
    for (const { letter, column, row, side, tag } of this.store.regions) {
      const x = Math.round((column - 0.5) * scaleX + shiftX), y = Math.round((row - 0.5) * scaleX + shiftY);
      this._frame(x, y, side * scaleX, this.theme.paper, 4 * dpr);
      this._frame(x, y, side * scaleX, this.theme.ink, 2 * dpr);
      const room = side * scaleX > 90 * dpr;
      this._label(room ? `${letter}  ${tag}` : letter, x - dpr, y - dpr, this.theme.ink, this.theme.paper, dpr);
    }
  }

  /** Words on a tab whose lower left corner is given. */
  _label(text, x, y, back, front, dpr) {
    const { pen } = this;
    pen.font = `600 ${12 * dpr}px system-ui, sans-serif`;
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    const wide = pen.measureText(text).width + 10 * dpr, high = 18 * dpr;
    const top = y - high < 0 ? Math.max(y, 0) : y - high;
    pen.fillStyle = back;
    pen.fillRect(x, top, wide, high);
    pen.fillStyle = front;
    pen.fillText(text, x + 5 * dpr, top + high / 2 + dpr / 2);
  }

  /** The morph's way over the map, its pictures above all others. */
  _path(frame) {
    const { pen, store } = this, { path, start, end } = store.state, { dpr } = frame;
    const middle = (i) => [frame.xy[2 * i] * frame.scaleX + frame.shiftX, frame.xy[2 * i + 1] * frame.scaleX + frame.shiftY];
    if (path.length > 1) {
      pen.lineJoin = pen.lineCap = "round";
      for (const [width, color] of [[6, this.theme.paper], [3, this.theme.via]]) {
        pen.beginPath();
        path.forEach((i) => pen.lineTo(...middle(i)));
        pen.lineWidth = width * dpr;
        pen.strokeStyle = color;
        pen.stroke();
      }
    }
    const ends = [start, end].filter((i) => i >= 0);
    for (const i of [...path.filter((node) => !ends.includes(node)), ...ends]) {
      const name = i === start ? "start" : i === end ? "end" : "via";
      const [x, y] = this._lifted(frame, i, 30 * dpr, this.theme[name]);
      if (name !== "via") this._label(name, x - 3 * dpr, y - 3 * dpr, this.theme[name], "#ffffff", dpr);
    }
  }

  /** One picture above the others, at least so large; its corner. */
  _lifted(frame, i, least, color) {
    const side = Math.round(Math.max(frame.side * 1.12, least)), width = 3 * frame.dpr;
    const x = Math.round(frame.xy[2 * i] * frame.scaleX + frame.shiftX - side / 2);
    const y = Math.round(frame.xy[2 * i + 1] * frame.scaleX + frame.shiftY - side / 2);
    this._frame(x - width, y - width, side + 2 * width, this.theme.paper, frame.dpr);
    this._picture(i, x, y, side, this.store.sheets.levelFor(side));
    this._frame(x, y, side, color, width);
    return [x, y];
  }

  /** What the pointer or the keyboard is at, and what is picked. */
  _single(frame) {
    const { picked } = this.store.state, { hover, cursor, dpr } = frame;
    if (picked >= 0) this._lifted(frame, picked, 30 * dpr, this.theme.focus);
    if (hover >= 0 && hover !== picked) this._lifted(frame, hover, 40 * dpr, this.theme.ink);
    if (cursor >= 0) {
      const [x, y] = this._lifted(frame, cursor, 40 * dpr, this.theme.focus);
      const side = Math.round(Math.max(frame.side * 1.12, 40 * dpr));
      this.pen.setLineDash([4 * dpr, 3 * dpr]);
      this._frame(x - 4 * dpr, y - 4 * dpr, side + 8 * dpr, this.theme.ink, 2 * dpr);
      this.pen.setLineDash([]);
    }
  }

  _lasso(points, dpr) {
    const { pen } = this;
    pen.beginPath();
    points.forEach(([x, y]) => pen.lineTo(x * dpr, y * dpr));
    pen.closePath();
    pen.fillStyle = this.theme.focus;
    pen.globalAlpha = 0.15;
    pen.fill();
    pen.globalAlpha = 1;
    pen.lineWidth = 2 * dpr;
    pen.strokeStyle = this.theme.focus;
    pen.stroke();
  }
}

/** Begin the path of a shape of SHAPES about (middle, middle). */
function outline(pen, place, middle, radius) {
  const corners = { 1: 4, 2: 3, 3: 4, 4: 10 }[place];
  pen.beginPath();
  if (!corners) return pen.arc(middle, middle, radius * 0.9, 0, 2 * Math.PI);
  for (let c = 0; c < corners; c++) {
    const angle = (c / corners) * 2 * Math.PI - Math.PI / (place === 1 ? 4 : 2);
    const far = radius * (place === 4 && c % 2 ? 0.45 : place === 1 ? 1.1 : 1);
    pen.lineTo(middle + far * Math.cos(angle), middle + far * Math.sin(angle));
  }
  return pen.closePath();
}
