package main

// A tree as in the Benchmarks Game.
type tree struct{ left, right *tree }

func bottomUp(depth int) *tree {
	if depth == 0 {
		return &tree{}
	}
	return &tree{bottomUp(depth - 1), bottomUp(depth - 1)}
}

func (t *tree) count() uint64 {
	if t.left == nil {
		return 1
	}
	return 1 + t.left.count() + t.right.count()
}

// treesPart makes a part of the trees of each depth.
func treesPart(max, parts int) (total uint64) {
	for depth := 4; depth <= max; depth += 2 {
		for i := 0; i < 1<<(max-depth+4)/parts; i++ {
			total += bottomUp(depth).count()
		}
	}
	return total
}

func binaryTrees(depth int) uint64 {
	total := bottomUp(depth + 1).count()
	long := bottomUp(depth)
	total += treesPart(depth, 1)
	return total + long.count()
}

func binaryTreesThreads(depth, threads int) uint64 {
	total := bottomUp(depth + 1).count()
	long := bottomUp(depth)
	totals := make(chan uint64)
	for i := 0; i < threads; i++ {
		go func() { totals <- treesPart(depth, threads) }()
	}
	for i := 0; i < threads; i++ {
		total += <-totals
	}
	return total + long.count()
}
