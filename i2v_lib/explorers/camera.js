const LARGEST = 240; // CSS pixels of a cell
const ROOM = 0.75; // cells left free around what is fitted

/** Which part of the plane a canvas shows: the place at its middle, and how many CSS pixels a cell takes. */
export class Camera {
  constructor(box) {
    Object.assign(this, { x: 0, y: 0, scale: 1, width: 0, height: 0, whole: box });
    this.fitted = true; // nobody has moved it, so it fits the map anew whatever the canvas's size
  }

  resize(width, height) {
    Object.assign(this, { width, height });
    if (this.fitted) this.place(this.around(this.whole));
    else this.scale = this.limited(this.scale);
  }

  /** Where to stand to see a box, {left, top, right, bottom} in cells. */
  around({ left, top, right, bottom }, room = ROOM) {
    const wide = right - left + 2 * room, high = bottom - top + 2 * room;
    const scale = Math.min(this.width / wide, this.height / high, LARGEST);
    return { x: (left + right) / 2, y: (top + bottom) / 2, scale: Math.max(scale, 1e-6) };
  }

  get farthest() {
    return this.around(this.whole).scale;
  }

  limited(scale) {
    return Math.min(Math.max(scale, this.farthest), LARGEST);
  }

  place({ x, y, scale }) {
    Object.assign(this, { x, y, scale });
  }

  toScreen(x, y) {
    return [(x - this.x) * this.scale + this.width / 2, (y - this.y) * this.scale + this.height / 2];
  }

  toPlane(x, y) {
    return [(x - this.width / 2) / this.scale + this.x, (y - this.height / 2) / this.scale + this.y];
  }

  pan(dx, dy) {
    const { left, top, right, bottom } = this.whole;
    this.fitted = false;
    this.x = Math.min(Math.max(this.x - dx / this.scale, left), right);
    this.y = Math.min(Math.max(this.y - dy / this.scale, top), bottom);
  }

  /** Zoom about a point of the screen, which stays where it is; whether anything changed. */
  zoom(x, y, factor) {
    const scale = this.limited(this.scale * factor);
    if (Math.abs(scale / this.scale - 1) < 1e-9) return false;
    const [px, py] = this.toPlane(x, y);
    this.fitted = scale <= this.farthest * 1.0001;
    if (this.fitted) {
      this.place(this.around(this.whole));
    } else {
      this.place({ scale, x: px - (x - this.width / 2) / scale, y: py - (y - this.height / 2) / scale });
    }
    return true;
  }
}

/** Between two places to stand, t from 0 to 1: slow at both ends, and zooming evenly. */
export function between(from, to, t) {
  const eased = t < 0.5 ? 4 * t ** 3 : 1 - (2 - 2 * t) ** 3 / 2;
  const scale = from.scale * (to.scale / from.scale) ** eased;
  // the place moves with the zoom, so that the goal keeps its course on the screen
  const same = Math.abs(to.scale / from.scale - 1) < 1e-3;
  const share = same ? eased : (1 / scale - 1 / from.scale) / (1 / to.scale - 1 / from.scale);
  return { scale, x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}
