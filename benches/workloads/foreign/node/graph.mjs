import { reserve } from "./steps.mjs";
import { Xorshift } from "./xorshift.mjs";

const STEP = 256;

/** The edges are properties, which make a node one object: with an array of them this takes three times the processor time. */
class Node {
  constructor(value) {
    this.value = value;
    this.first = null;
    this.second = null;
    this.third = null;
    this.fourth = null;
  }

  setEdge(edge, target) {
    switch (edge) {
      case 0:
        this.first = target;
        break;
      case 1:
        this.second = target;
        break;
      case 2:
        this.third = target;
        break;
      default:
        this.fourth = target;
    }
  }

  clear() {
    this.first = this.second = this.third = this.fourth = null;
  }
}

/** Cyclic graph churn. */
export function graphChurn(live, replacements, lag) {
  const random = new Xorshift(5);
  const table = Array.from({ length: live }, (_, index) => new Node(index));
  const replaced = new Array(lag).fill(null);
  const durations = reserve(Math.floor(replacements / STEP));
  let sum = 0;
  for (let step = 0; step < durations.length; step++) {
    const start = performance.now();
    for (let index = 0; index < STEP; index++) {
      const number = step * STEP + index;
      const place = random.below(live);
      const node = new Node(number);
      let old = table[place];
      sum += old.value;
      if (lag > 0) {
        const before = replaced[number % lag];
        replaced[number % lag] = old;
        old = before;
      }
      if (old !== null) old.clear();
      table[place] = node;
      for (let k = 0; k < 4; k++) {
        node.setEdge(k, table[random.below(live)]);
        const source = table[random.below(live)];
        source.setEdge(random.below(4), node);
      }
    }
    durations[step] = (performance.now() - start) * 1e3;
  }
  return sum;
}
