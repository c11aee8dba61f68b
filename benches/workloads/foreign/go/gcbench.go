package main

import "log"

// A node of Ellis, Kovac and Boehm's GCBench.
type benchNode struct {
	left, right *benchNode
	i, j        int32
}

func makeTree(depth int) *benchNode {
	if depth == 0 {
		return &benchNode{}
	}
	return &benchNode{left: makeTree(depth - 1), right: makeTree(depth - 1)}
}

func populate(depth int, node *benchNode) {
	if depth > 0 {
		node.left = &benchNode{}
		node.right = &benchNode{}
		populate(depth-1, node.left)
		populate(depth-1, node.right)
	}
}

func count(node *benchNode) uint64 {
	if node == nil {
		return 0
	}
	return 1 + count(node.left) + count(node.right)
}

func size(depth int) int { return 1<<(depth+1) - 1 }

func gcBench(max, doubles int) uint64 {
	total := count(makeTree(max + 2))
	long := &benchNode{}
	populate(max, long)
	array := make([]float64, doubles)
	for i := range array {
		array[i] = 1 / float64(i+1)
	}
	for depth := 4; depth <= max; depth += 2 {
		iterations := 2 * size(max+2) / size(depth)
		for i := 0; i < iterations; i++ {
			node := &benchNode{}
			populate(depth, node)
			total += count(node)
		}
		for i := 0; i < iterations; i++ {
			total += count(makeTree(depth))
		}
	}
	if !(array[1000] > 0) {
		log.Fatal("the array of doubles")
	}
	return total + count(long)
}
