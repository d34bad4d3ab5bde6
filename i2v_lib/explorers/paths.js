// Semantic morphing in the browser: the very paths that i2v_lib.search finds, ties included. All lengths are whole numbers.

const TRIES = 200_000; // partial paths that are looked at before a search for an exact number of steps is given up

/** An undirected graph in rows: row i, ends[starts[i]] … ends[starts[i + 1] − 1], ascending, with a weight beside each. */
export class Graph {
  constructor(starts, ends, weights) {
    Object.assign(this, { starts, ends, weights, count: starts.length - 1 });
  }
}

/** A heap: the least first, by compare(a, b). */
class Heap {
  constructor(compare) {
    this.items = [];
    this.compare = compare;
  }

  push(item) {
    const { items, compare } = this;
    let at = items.push(item) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (compare(items[above], item) <= 0) break;
      items[at] = items[above];
      at = above;
    }
    items[at] = item;
  }

  pop() {
    const { items, compare } = this, least = items[0], item = items.pop();
    if (!items.length) return least;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= items.length) break;
      if (below + 1 < items.length && compare(items[below + 1], items[below]) < 0) below++;
      if (compare(item, items[below]) <= 0) break;
      items[at] = items[below];
      at = below;
    }
    items[at] = item;
    return least;
  }
}

/** From every node to one: its distance times the number of nodes, plus the steps; infinite where there is no way. */
function lengthsTo({ starts, ends, weights, count }, target) {
  const lengths = new Float64Array(count).fill(Infinity);
  const heap = new Heap((a, b) => a[0] - b[0] || a[1] - b[1]);
  lengths[target] = 0;
  heap.push([0, target]);
  while (heap.items.length) {
    const [length, node] = heap.pop();
    if (length > lengths[node]) continue;
    for (let e = starts[node]; e < starts[node + 1]; e++) {
      const longer = length + weights[e] * count + 1;
      if (longer < lengths[ends[e]]) {
        lengths[ends[e]] = longer;
        heap.push([longer, ends[e]]);
      }
    }
  }
  return lengths;
}

/**
 * The transition from one node to another: {status, path, distances}.
 *
 * status: "found", "same", "no_path", or "gave_up" where an exact number of intermediates takes too long. Of equally
 * short paths that of fewest steps, of these, read from the end of lower number, the lowest numbers first.
 */
export function morph(graph, source, target, intermediates = null) {
  if (source === target) return { status: "same", path: [source], distances: [] };
  const [low, high] = source < target ? [source, target] : [target, source];
  const lengths = lengthsTo(graph, high);
  const reached = lengths.reduce((sum, length) => sum + Number(length < Infinity), 0);
  let path = null;
  if (lengths[low] < Infinity) {
    if (intermediates === null) path = shortest(graph, low, high, lengths);
    else if (intermediates < reached - 1) path = ofSteps(graph, low, high, intermediates + 1);
  }
  if (path === "gave_up") return { status: path, path: [], distances: [] };
  if (!path) return { status: "no_path", path: [], distances: [] };
  if (source !== low) path.reverse();
  const distances = path.slice(1).map((node, i) => weight(graph, path[i], node));
  return { status: "found", path, distances };
}

function weight({ starts, ends, weights }, a, b) {
  for (let e = starts[a]; e < starts[a + 1]; e++) if (ends[e] === b) return weights[e];
  return NaN;
}

function shortest({ starts, ends, weights, count }, source, target, lengths) {
  const path = [source];
  let node = source;
  while (node !== target) {
    let e = starts[node];
    while (lengths[ends[e]] + weights[e] * count + 1 !== lengths[node]) e++;
    node = ends[e];
    path.push(node);
  }
  return path;
}

/** The cheapest path of exactly so many steps that visits no node twice; see path_of_steps in i2v_lib/search/paths.py. */
function ofSteps(graph, source, target, steps) {
  const onward = waysOnward(graph, source, target, steps);
  const heap = new Heap((a, b) => a.bound - b.bound || compare(a.path, b.path));
  const add = (siblings) => {
    const next = siblings.shift();
    if (next) heap.push({ ...next, siblings });
  };
  heap.push({ bound: onward[steps].best[source], path: [source], spent: 0, siblings: [] });
  for (let looked = 0; heap.items.length; looked++) {
    if (looked > TRIES) return "gave_up";
    const { path, spent, siblings } = heap.pop();
    if (path.at(-1) === target) return path;
    add(siblings);
    add(extensions(graph, onward[steps - path.length], path, spent));
  }
  return null;
}

function compare(a, b) {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

function extensions({ starts, ends, weights }, { best, first, second }, path, spent) {
  const node = path.at(-1), found = [];
  for (let e = starts[node]; e < starts[node + 1]; e++) {
    const end = ends[e], cost = spent + weights[e];
    const bound = cost + (first[end] === node ? second[end] : best[end]);
    if (bound < Infinity && !path.includes(end)) found.push({ bound, path: [...path, end], spent: cost });
  }
  return found.sort((a, b) => a.bound - b.bound); // stable: of equal bounds the lower number first
}

/** For 0 … steps steps, from every node to the target: the least cost, the next node, the least cost by another one. */
function waysOnward({ starts, ends, weights, count }, source, target, steps) {
  let layer = { best: new Float64Array(count).fill(Infinity), first: new Int32Array(count).fill(-1) };
  layer.second = layer.best.slice();
  layer.best[target] = 0;
  const layers = [layer];
  for (let left = 1; left <= steps; left++) {
    const best = new Float64Array(count).fill(Infinity), second = best.slice(), first = new Int32Array(count).fill(-1);
    for (let node = 0; node < count; node++) {
      if (node === target || (node === source && left < steps)) continue; // a path ends here, or begins here
      for (let e = starts[node]; e < starts[node + 1]; e++) {
        const end = ends[e];
        const way = weights[e] + (layer.first[end] === node ? layer.second[end] : layer.best[end]);
        if (way < best[node]) {
          second[node] = best[node];
          best[node] = way;
          first[node] = end;
        } else if (way < second[node]) {
          second[node] = way;
        }
      }
    }
    layers.push((layer = { best, first, second }));
  }
  return layers;
}
