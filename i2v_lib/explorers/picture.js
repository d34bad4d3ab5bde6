import { element } from "./dom.js";

/** A canvas that shows one illustration, sharper as its sheets come. */
export function picture(store, i, side, label = store.ids[i]) {
  const made = element("canvas", "i2v-still", undefined, { role: "img", "aria-label": label });
  const dots = Math.min(Math.round(side * Math.min(devicePixelRatio || 1, 2)), 2 * store.sides.at(-1));
  made.width = made.height = dots;
  made.style.setProperty("--i2v-side", `${side}px`);
  const pen = made.getContext("2d");
  pen.imageSmoothingQuality = "high";
  const draw = () => {
    const found = store.sheets.findFinest(store.slots[i]);
    if (found) pen.drawImage(found[0], found[1], found[2], found[3], found[3], 0, 0, dots, dots);
    const sharp = found?.[3] === store.sides.at(-1);
    if (sharp || (drawn && !made.isConnected)) store.sheets.removeEventListener("arrived", draw);
    return sharp;
  };
  let drawn = false;
  if (!draw()) store.sheets.addEventListener("arrived", draw);
  drawn = true;
  return made;
}
