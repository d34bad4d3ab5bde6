import { adopt, element } from "./dom.js";
import { MapCanvas } from "./map_canvas.js";
import { bar, details, help, overlay } from "./map_panel.js";
import { searchBox } from "./search_box.js";

/** A whole map explorer inside an element: search, bar, canvas, details. What it returns takes it away again. */
export function mapView(store, root) {
  adopt(root);
  root.classList.add("i2v-explorer");
  const canvas = new MapCanvas(store, root);
  const search = searchBox(store, canvas), tools = bar(store, canvas), side = details(store, canvas, help);
  const top = element("div", "i2v-bar"), stage = element("div", "i2v-stage");
  top.append(search.element, tools.element);
  stage.append(canvas.element, side.element);
  root.append(top, stage);
  const parts = [canvas, search, tools, side, overlay(store, canvas)];
  return { canvas, remove: () => parts.forEach((part) => part.remove()) };
}
