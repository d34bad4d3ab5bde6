/** Where points lie, and which of them lie in a rectangle: buckets of a grid, so that only what is in view is looked at. */
export class Places {
  /** xy: Float32Array of x, y, x, y, …; their count is half its length. */
  constructor(xy) {
    const count = xy.length / 2;
    let left = Infinity, top = Infinity, right = -Infinity, bottom = -Infinity;
    for (let i = 0; i < count; i++) {
      left = Math.min(left, xy[2 * i]);
      right = Math.max(right, xy[2 * i]);
      top = Math.min(top, xy[2 * i + 1]);
      bottom = Math.max(bottom, xy[2 * i + 1]);
    }
    if (!count) left = top = right = bottom = 0;
    this.xy = xy;
    this.box = { left, top, right, bottom };
    this.step = Math.max(Math.sqrt(((right - left + 1) * (bottom - top + 1) * 8) / Math.max(count, 1)), 1e-6);
    this.columns = Math.floor((right - left) / this.step) + 1;
    this.rows = Math.floor((bottom - top) / this.step) + 1;
    this.starts = new Uint32Array(this.columns * this.rows + 1);
    const bucket = new Uint32Array(count);
    for (let i = 0; i < count; i++) {
      bucket[i] = this._row(xy[2 * i + 1]) * this.columns + this._column(xy[2 * i]);
      this.starts[bucket[i] + 1]++;
    }
    for (let b = 0; b < this.columns * this.rows; b++) this.starts[b + 1] += this.starts[b];
    const next = this.starts.slice();
    this.members = new Uint32Array(count);
    for (let i = 0; i < count; i++) this.members[next[bucket[i]]++] = i;
  }

  _column(x) {
    return Math.min(Math.max(Math.floor((x - this.box.left) / this.step), 0), this.columns - 1);
  }

  _row(y) {
    return Math.min(Math.max(Math.floor((y - this.box.top) / this.step), 0), this.rows - 1);
  }

  /** Write the points of a rectangle into an array that is long enough; how many there are. */
  within(left, top, right, bottom, out) {
    const { xy, columns, starts, members } = this;
    const first = this._column(left), last = this._column(right);
    let found = 0;
    for (let row = this._row(top); row <= this._row(bottom); row++) {
      for (let m = starts[row * columns + first]; m < starts[row * columns + last + 1]; m++) {
        const i = members[m], x = xy[2 * i], y = xy[2 * i + 1];
        if (x >= left && x <= right && y >= top && y <= bottom) out[found++] = i;
      }
    }
    return found;
  }
}

/** Whether a point lies in a polygon [[x, y], …]; by the even-odd rule. */
export function inside(polygon, x, y) {
  let odd = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [xi, yi] = polygon[i], [xj, yj] = polygon[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
  }
  return odd;
}
