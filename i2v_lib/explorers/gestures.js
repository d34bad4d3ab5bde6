const STILL = 4; // CSS pixels that a finger or hand may move in a tap

/**
 * Turn pointers and the wheel into what is meant.
 *
 * meant: pan(dx, dy), zoom(x, y, factor) -> whether anything changed, tap(x, y), open(x, y), hover(x, y) or hover(null),
 * lassoing() -> whether a drag draws, lasso(points, whether it is done). Places are CSS pixels from the canvas's corner.
 */
export function listen(canvas, meant) {
  const down = new Map(); // pointers that touch: id -> [x, y]
  let moved = 0, drawn = null, mostDown = 0;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const spread = () => {
    const [[ax, ay], [bx, by]] = [...down.values()];
    return [Math.hypot(ax - bx, ay - by), (ax + bx) / 2, (ay + by) / 2];
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    canvas.focus({ preventScroll: true });
    try {
      canvas.setPointerCapture(event.pointerId);
    } catch {
      // the pointer is gone already
    }
    down.set(event.pointerId, at(event));
    mostDown = Math.max(mostDown, down.size);
    if (down.size === 1) {
      moved = 0;
      drawn = event.shiftKey || meant.lassoing() ? [at(event)] : null;
    } else if (drawn) {
      drawn = null;
      meant.lasso([], false);
    }
  });

  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = at(event);
    const before = down.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") meant.hover(x, y);
      return;
    }
    const pinch = down.size === 2 ? spread() : null;
    down.set(event.pointerId, [x, y]);
    moved += Math.hypot(x - before[0], y - before[1]);
    if (drawn) {
      drawn.push([x, y]);
      meant.lasso(drawn, false);
    } else if (pinch) {
      const [wide, middleX, middleY] = spread();
      meant.pan(middleX - pinch[1], middleY - pinch[2]);
      if (pinch[0] > 0) meant.zoom(middleX, middleY, wide / pinch[0]);
    } else if (down.size === 1 && moved > STILL) {
      meant.pan(x - before[0], y - before[1]);
    }
  });

  const up = (event) => {
    if (!down.delete(event.pointerId)) return;
    const [x, y] = at(event);
    if (drawn) {
      const points = drawn;
      drawn = null;
      if (moved > STILL && event.type === "pointerup") return meant.lasso(points, true);
      meant.lasso([], false);
    }
    if (!down.size) {
      if (moved <= STILL && mostDown === 1 && event.type === "pointerup") meant.tap(x, y);
      mostDown = 0;
    }
  };
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("pointerleave", () => down.size || meant.hover(null));
  canvas.addEventListener("dblclick", (event) => meant.open(...at(event)));
  canvas.addEventListener(
    "wheel",
    (event) => {
      const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
      const steps = Math.min(Math.max(event.deltaY * lines, -240), 240);
      const factor = Math.exp(-steps * (event.ctrlKey ? 0.01 : 0.002)); // a pinch on a trackpad comes as Ctrl + wheel
      // Where the map cannot zoom out further, the wheel is the page's.
      if (meant.zoom(...at(event), factor) || event.ctrlKey || steps < 0) event.preventDefault();
    },
    { passive: false },
  );
}
