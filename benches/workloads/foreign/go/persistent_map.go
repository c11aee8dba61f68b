package main

// A node of a persistent map, and with it a version of the map: an insert copies the path.
type version struct {
	key, value  uint64
	left, right *version
}

func (v *version) insert(key, value uint64) *version {
	if v == nil {
		return &version{key: key, value: value}
	}
	if key < v.key {
		return &version{v.key, v.value, v.left.insert(key, value), v.right}
	}
	return &version{v.key, v.value, v.left, v.right.insert(key, value)}
}

func (v *version) sum() uint64 {
	if v == nil {
		return 0
	}
	return v.value + v.left.sum() + v.right.sum()
}

func persistentMap(inserts, keepEvery int) uint64 {
	random := newXorshift(3)
	var tree *version
	var kept []*version
	for value := 0; value < inserts; value++ {
		tree = tree.insert(uint64(random.next()>>1), uint64(value))
		if value%keepEvery == 0 {
			kept = append(kept, tree)
		}
	}
	sum := tree.sum()
	for _, version := range kept {
		sum += version.key & 1
	}
	return sum
}
