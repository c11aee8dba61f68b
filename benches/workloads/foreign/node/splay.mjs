import { reserve } from "./steps.mjs";
import { Xorshift } from "./xorshift.mjs";

function payload(depth, text) {
  if (depth === 0) return { array: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], string: `String for key ${text} in leaf node` };
  return { left: payload(depth - 1, text), right: payload(depth - 1, text) };
}

class Node {
  left = null;
  right = null;

  constructor(key, value) {
    this.key = key;
    this.value = value;
  }
}

/** A splay tree as in Octane. */
class SplayTree {
  random = new Xorshift(11);
  root = null;

  splay(key) {
    if (this.root === null) return;
    const dummy = new Node(0, null);
    let left = dummy;
    let right = dummy;
    let current = this.root;
    while (true) {
      if (key < current.key) {
        if (current.left === null) break;
        if (key < current.left.key) {
          const rotated = current.left;
          current.left = rotated.right;
          rotated.right = current;
          current = rotated;
          if (current.left === null) break;
        }
        right.left = current;
        right = current;
        current = current.left;
      } else if (key > current.key) {
        if (current.right === null) break;
        if (key > current.right.key) {
          const rotated = current.right;
          current.right = rotated.left;
          rotated.left = current;
          current = rotated;
          if (current.right === null) break;
        }
        left.right = current;
        left = current;
        current = current.right;
      } else {
        break;
      }
    }
    left.right = current.left;
    right.left = current.right;
    current.left = dummy.right;
    current.right = dummy.left;
    this.root = current;
  }

  insert(key, value) {
    const node = new Node(key, value);
    if (this.root === null) {
      this.root = node;
      return;
    }
    this.splay(key);
    if (this.root.key === key) return;
    if (key > this.root.key) {
      node.left = this.root;
      node.right = this.root.right;
      this.root.right = null;
    } else {
      node.right = this.root;
      node.left = this.root.left;
      this.root.left = null;
    }
    this.root = node;
  }

  remove(key) {
    this.splay(key);
    if (this.root === null || this.root.key !== key) throw new Error(`the tree has no key ${key}`);
    if (this.root.left === null) {
      this.root = this.root.right;
    } else {
      const right = this.root.right;
      this.root = this.root.left;
      this.splay(key);
      this.root.right = right;
    }
  }

  find(key) {
    this.splay(key);
    return this.root !== null && this.root.key === key ? this.root : null;
  }

  findGreatestLessThan(key) {
    if (this.root === null) return null;
    this.splay(key);
    if (this.root.key < key) return this.root;
    let current = this.root.left;
    while (current !== null && current.right !== null) current = current.right;
    return current;
  }

  insertNew() {
    let key;
    do key = this.random.next() >>> 1;
    while (this.find(key) !== null);
    this.insert(key, payload(5, String(key)));
    return key;
  }
}

function checksum(node) {
  let sum = 0;
  for (; node !== null; node = node.right) {
    let leftmost = node.value;
    while (leftmost.left !== undefined) leftmost = leftmost.left;
    sum += checksum(node.left) + node.key + leftmost.string.length + 1;
  }
  return sum;
}

export function splay(nodes, modifications) {
  const durations = reserve(modifications);
  const tree = new SplayTree();
  for (let i = 0; i < nodes; i++) tree.insertNew();
  for (let i = 0; i < modifications; i++) {
    const start = performance.now();
    const key = tree.insertNew();
    const greatest = tree.findGreatestLessThan(key);
    tree.remove(greatest === null ? key : greatest.key);
    durations[i] = (performance.now() - start) * 1e3;
  }
  return checksum(tree.root);
}
