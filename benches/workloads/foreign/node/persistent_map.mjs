import { Xorshift } from "./xorshift.mjs";

/** A node of a persistent map, and with it a version of the map: an insert copies the path. */
class Version {
  constructor(key, value, left, right) {
    this.key = key;
    this.value = value;
    this.left = left;
    this.right = right;
  }
}

function insert(node, key, value) {
  if (node === null) return new Version(key, value, null, null);
  return key < node.key
    ? new Version(node.key, node.value, insert(node.left, key, value), node.right)
    : new Version(node.key, node.value, node.left, insert(node.right, key, value));
}

function sum(node) {
  return node === null ? 0 : node.value + sum(node.left) + sum(node.right);
}

export function persistentMap(inserts, keepEvery) {
  const random = new Xorshift(3);
  let tree = null;
  const kept = [];
  for (let value = 0; value < inserts; value++) {
    tree = insert(tree, random.next() >>> 1, value);
    if (value % keepEvery === 0) kept.push(tree);
  }
  return kept.reduce((total, version) => total + (version.key & 1), sum(tree));
}
