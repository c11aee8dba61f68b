// The public workloads in Go, to the protocol in benches/workloads/README.md: workloads WORKLOAD SIZE...
package main

import (
	"fmt"
	"log"
	"os"
	"strconv"
	"time"
)

func run(workload string, sizes []int, steps *steps) (checksum uint64, known bool) {
	switch workload {
	case "binary_trees":
		return binaryTrees(sizes[0]), true
	case "binary_trees_threads":
		return binaryTreesThreads(sizes[0], sizes[1]), true
	case "gcbench":
		return gcBench(sizes[0], sizes[1]), true
	case "allocate_and_die":
		return allocateAndDie(sizes[0]), true
	case "ring":
		return ring(sizes[0], sizes[1]), true
	case "graph_churn", "graph_churn_lag":
		return graphChurn(sizes[0], sizes[1], sizes[2], steps), true
	case "message_window":
		return messageWindow(sizes[0], sizes[1], steps), true
	case "list":
		return list(sizes[0]), true
	case "persistent_map":
		return persistentMap(sizes[0], sizes[1]), true
	case "shared_cache":
		return sharedCache(sizes[0], sizes[1], sizes[2], steps), true
	case "splay":
		return splay(sizes[0], sizes[1], steps), true
	}
	return 0, false
}

func main() {
	var sizes []int
	for _, argument := range os.Args[2:] {
		size, err := strconv.Atoi(argument)
		if err != nil {
			log.Fatal(err)
		}
		sizes = append(sizes, size)
	}
	var steps steps
	start := time.Now()
	checksum, known := run(os.Args[1], sizes, &steps)
	wall := time.Since(start).Seconds()
	if !known {
		os.Exit(3)
	}
	fmt.Printf("{\"checksum\": \"%d\", \"wall_s\": %.6f%s}\n", checksum, wall, steps.fields())
}
