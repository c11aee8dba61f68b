package main

type link struct {
	value uint64
	next  *link
}

func list(nodes int) (sum uint64) {
	var head *link
	for value := uint64(0); value < uint64(nodes); value++ {
		head = &link{value, head}
	}
	for at := head; at != nil; at = at.next {
		sum += at.value
	}
	return sum
}
