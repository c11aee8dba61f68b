package main

type payload struct{ first, second, third uint64 }

// What is stored here is allocated on the heap.
var escaped *payload

func allocateAndDie(count int) (sum uint64) {
	for index := uint64(0); index < uint64(count); index++ {
		object := &payload{index, index, index}
		escaped = object
		sum += object.second
	}
	return sum
}

func ring(count, size int) (sum uint64) {
	ring := make([]*payload, size)
	at := 0
	for index := uint64(0); index < uint64(count); index++ {
		object := &payload{index, index, index}
		if index%10 == 0 {
			if ring[at] != nil {
				sum += ring[at].second
			}
			ring[at] = object
			at = (at + 1) % size
		}
	}
	return sum
}
