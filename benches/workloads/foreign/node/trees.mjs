/** A tree as in the Benchmarks Game. */
class Tree {
  constructor(left, right) {
    this.left = left;
    this.right = right;
  }

  count() {
    return this.left === null ? 1 : 1 + this.left.count() + this.right.count();
  }
}

function bottomUp(depth) {
  return depth === 0 ? new Tree(null, null) : new Tree(bottomUp(depth - 1), bottomUp(depth - 1));
}

export function binaryTrees(max) {
  let total = bottomUp(max + 1).count();
  const long = bottomUp(max);
  for (let depth = 4; depth <= max; depth += 2) {
    const trees = 1 << (max - depth + 4);
    for (let i = 0; i < trees; i++) total += bottomUp(depth).count();
  }
  return total + long.count();
}
