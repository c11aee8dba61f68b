package main

import "time"

type graphNode struct {
	value uint64
	edges [4]*graphNode
}

const churnStep = 256

func graphChurn(live, replacements, lag int, steps *steps) (sum uint64) {
	random := newXorshift(5)
	table := make([]*graphNode, live)
	for i := range table {
		table[i] = &graphNode{value: uint64(i)}
	}
	replaced := make([]*graphNode, lag)
	steps.reserve(1, replacements/churnStep)
	durations := (*steps)[0]
	for step := 0; step < replacements/churnStep; step++ {
		start := time.Now()
		for index := 0; index < churnStep; index++ {
			number := step*churnStep + index
			place := random.below(live)
			node := &graphNode{value: uint64(number)}
			old := table[place]
			sum += old.value
			if lag > 0 {
				replaced[number%lag], old = old, replaced[number%lag]
			}
			if old != nil {
				old.edges = [4]*graphNode{}
			}
			table[place] = node
			for k := range node.edges {
				node.edges[k] = table[random.below(live)]
				source := table[random.below(live)]
				source.edges[random.below(4)] = node
			}
		}
		durations = append(durations, since(start))
	}
	(*steps)[0] = durations
	return sum
}
