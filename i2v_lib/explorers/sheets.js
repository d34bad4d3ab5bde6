const KEPT = 64; // sheets of the two finer levels that stay decoded: 1.6 MB each
const AT_ONCE = 4; // sheets that are asked for and have not come
const PATIENCE = 10_000; // milliseconds before a sheet counts as lost

/**
 * Sheets of small pictures at several levels, fetched as they are looked at.
 *
 * The coarsest level is fetched whole and kept as pixels too, for pictures of a few dots. Of the others the sheets that
 * were looked at last are kept.
 */
export class Sheets extends EventTarget {
  /** load(level, sheet) promises an ImageBitmap; it may reject. */
  constructor({ sides, sheet, count }, load) {
    super();
    Object.assign(this, { sides, sheet, count, load });
    this.each = sides.map((side) => (sheet / side) ** 2);
    this.bitmaps = new Map(); // key -> bitmap; the first was looked at longest ago
    this.pending = new Set();
    this.lost = new Map(); // key -> when
    this.seen = new Set(); // keys of this frame
    this.wanted = new Map(); // key -> [level, sheet, how many look at it; infinite if it is waited for]
    const dots = sides[0] ** 2;
    this.dots = new Uint32Array(count * dots); // slot after slot, each a square of ABGR words; 0: not here yet
    this.colors = new Uint32Array(count); // mean of each slot
    for (let s = 0; s * this.each[0] < count; s++) this.wanted.set(`0/${s}`, [0, s, 0]);
    this._fetch();
  }

  /** The level that shows a picture of so many dots sharply, or nearly so. */
  levelFor(dots) {
    const level = this.sides.findIndex((side) => side >= dots * 0.8);
    return level < 0 ? this.sides.length - 1 : level;
  }

  /** The sheet that holds a slot, at the wished level or the best coarser one: [bitmap, x, y, side], or null. */
  find(slot, level) {
    for (let l = level; l >= 0; l--) {
      const sheet = Math.floor(slot / this.each[l]), key = `${l}/${sheet}`;
      const bitmap = this.bitmaps.get(key);
      if (bitmap) {
        this.seen.add(key);
        const side = this.sides[l], across = this.sheet / side, place = slot % this.each[l];
        return [bitmap, (place % across) * side, Math.floor(place / across) * side, side];
      }
      const wanted = this.wanted.get(key);
      if (wanted) wanted[2]++;
      else if (!this.pending.has(key)) this.wanted.set(key, [l, sheet, 1]);
    }
    return null;
  }

  /** As find, at the finest level; a sheet that is not here is fetched first of all. */
  findFinest(slot) {
    const level = this.sides.length - 1, sheet = Math.floor(slot / this.each[level]), key = `${level}/${sheet}`;
    const found = this.find(slot, level);
    if (!this.bitmaps.has(key) && !this.pending.has(key)) {
      this.wanted.set(key, [level, sheet, Infinity]);
      this._fetch();
    }
    return found;
  }

  /** Call before a frame: what earlier frames wanted is forgotten. */
  begin() {
    this.seen = new Set();
    for (const [key, [level, , many]] of this.wanted) if (level && many < Infinity) this.wanted.delete(key);
  }

  /** Call after a frame: fetch what it lacked, let go what nobody has looked at for longest. */
  end() {
    for (const key of this.seen) {
      const bitmap = this.bitmaps.get(key);
      this.bitmaps.delete(key);
      this.bitmaps.set(key, bitmap);
    }
    let spare = [...this.bitmaps.keys()].filter((key) => !key.startsWith("0/"));
    spare = spare.filter((key) => !this.seen.has(key)).slice(0, Math.max(spare.length - KEPT, 0));
    for (const key of spare) {
      this.bitmaps.get(key).close();
      this.bitmaps.delete(key);
    }
    this._fetch();
  }

  _fetch() {
    const now = performance.now();
    const free = [...this.wanted].filter(([key]) => !(now - this.lost.get(key) < PATIENCE));
    // what is waited for first, then the coarse, then where many look
    const waits = ([, , many]) => Number(many === Infinity);
    free.sort(([, a], [, b]) => waits(b) - waits(a) || a[0] - b[0] || b[2] - a[2] || a[1] - b[1]);
    for (const [key, [level, sheet]] of free.slice(0, AT_ONCE - this.pending.size)) {
      this.wanted.delete(key);
      this.pending.add(key);
      this._take(key, level, sheet);
    }
  }

  async _take(key, level, sheet) {
    let timer;
    const late = new Promise((_, refuse) => (timer = setTimeout(refuse, PATIENCE, new Error("no answer"))));
    try {
      const bitmap = await Promise.race([this.load(level, sheet), late]);
      this.bitmaps.set(key, bitmap);
      this.lost.delete(key);
      if (level === 0) this._keepDots(bitmap, sheet);
      this.dispatchEvent(new Event("arrived"));
    } catch (error) {
      this.lost.set(key, performance.now());
      if (level === 0) this.wanted.set(key, [0, sheet, 0]); // no frame asks for these again
      this.dispatchEvent(new CustomEvent("lost", { detail: error.message }));
    }
    clearTimeout(timer);
    this.pending.delete(key);
    this._fetch();
  }

  _keepDots(bitmap, sheet) {
    const canvas = new OffscreenCanvas(this.sheet, this.sheet);
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.drawImage(bitmap, 0, 0);
    const all = new Uint32Array(pen.getImageData(0, 0, this.sheet, this.sheet).data.buffer);
    const side = this.sides[0], across = this.sheet / side, first = sheet * this.each[0];
    for (let place = 0; place < this.each[0] && first + place < this.count; place++) {
      const corner = Math.floor(place / across) * side * this.sheet + (place % across) * side;
      const to = (first + place) * side * side;
      let red = 0, green = 0, blue = 0;
      for (let y = 0; y < side; y++) {
        for (let x = 0; x < side; x++) {
          const dot = all[corner + y * this.sheet + x];
          this.dots[to + y * side + x] = dot;
          red += dot & 255;
          green += (dot >> 8) & 255;
          blue += (dot >> 16) & 255;
        }
      }
      const n = side * side;
      this.colors[first + place] = (255 << 24) | (((blue / n) | 0) << 16) | (((green / n) | 0) << 8) | ((red / n) | 0);
    }
  }
}

/** What promises an image its bitmap, from the bytes of a file. */
export function decode(bytes) {
  return createImageBitmap(new Blob([bytes], { type: "image/webp" }));
}
