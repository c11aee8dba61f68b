/** Ellis, Kovac and Boehm's GCBench. */
class Node {
  constructor(left = null, right = null) {
    this.left = left;
    this.right = right;
    this.i = 0;
    this.j = 0;
  }
}

function make(depth) {
  return depth === 0 ? new Node() : new Node(make(depth - 1), make(depth - 1));
}

function populate(depth, node) {
  if (depth > 0) {
    node.left = new Node();
    node.right = new Node();
    populate(depth - 1, node.left);
    populate(depth - 1, node.right);
  }
}

function count(node) {
  return node === null ? 0 : 1 + count(node.left) + count(node.right);
}

const size = (depth) => 2 ** (depth + 1) - 1;

export function gcBench(max, doubles) {
  let total = count(make(max + 2));
  const long = new Node();
  populate(max, long);
  const array = new Float64Array(doubles);
  for (let i = 0; i < doubles; i++) array[i] = 1 / (i + 1);
  for (let depth = 4; depth <= max; depth += 2) {
    const iterations = Math.floor((2 * size(max + 2)) / size(depth));
    for (let i = 0; i < iterations; i++) {
      const node = new Node();
      populate(depth, node);
      total += count(node);
    }
    for (let i = 0; i < iterations; i++) total += count(make(depth));
  }
  if (!(array[1000] > 0)) throw new Error("the array of doubles");
  return total + count(long);
}
