package main

import (
	"log"
	"strconv"
	"time"
)

// A payload is a *leaf or a *branch.
type splayPayload any

type leaf struct {
	array  []uint64
	string string
}

type branch struct{ left, right splayPayload }

func newPayload(depth int, text string) splayPayload {
	if depth == 0 {
		return &leaf{[]uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, "String for key " + text + " in leaf node"}
	}
	return &branch{newPayload(depth-1, text), newPayload(depth-1, text)}
}

type splayNode struct {
	key         uint64
	value       splayPayload
	left, right *splayNode
}

// A splay tree as in Octane.
type splayTree struct {
	random *xorshift
	root   *splayNode
}

func (t *splayTree) splay(key uint64) {
	if t.root == nil {
		return
	}
	var dummy splayNode
	left, right, current := &dummy, &dummy, t.root
loop:
	for {
		switch {
		case key < current.key:
			if current.left == nil {
				break loop
			}
			if key < current.left.key {
				rotated := current.left
				current.left = rotated.right
				rotated.right = current
				current = rotated
				if current.left == nil {
					break loop
				}
			}
			right.left = current
			right = current
			current = current.left
		case key > current.key:
			if current.right == nil {
				break loop
			}
			if key > current.right.key {
				rotated := current.right
				current.right = rotated.left
				rotated.left = current
				current = rotated
				if current.right == nil {
					break loop
				}
			}
			left.right = current
			left = current
			current = current.right
		default:
			break loop
		}
	}
	left.right = current.left
	right.left = current.right
	current.left = dummy.right
	current.right = dummy.left
	t.root = current
}

func (t *splayTree) insert(key uint64, value splayPayload) {
	node := &splayNode{key: key, value: value}
	if t.root == nil {
		t.root = node
		return
	}
	t.splay(key)
	if t.root.key == key {
		return
	}
	if key > t.root.key {
		node.left = t.root
		node.right = t.root.right
		t.root.right = nil
	} else {
		node.right = t.root
		node.left = t.root.left
		t.root.left = nil
	}
	t.root = node
}

func (t *splayTree) remove(key uint64) {
	t.splay(key)
	if t.root == nil || t.root.key != key {
		log.Fatalf("the tree has no key %d", key)
	}
	if t.root.left == nil {
		t.root = t.root.right
		return
	}
	right := t.root.right
	t.root = t.root.left
	t.splay(key)
	t.root.right = right
}

func (t *splayTree) find(key uint64) *splayNode {
	t.splay(key)
	if t.root != nil && t.root.key == key {
		return t.root
	}
	return nil
}

func (t *splayTree) findGreatestLessThan(key uint64) *splayNode {
	if t.root == nil {
		return nil
	}
	t.splay(key)
	if t.root.key < key {
		return t.root
	}
	current := t.root.left
	for current != nil && current.right != nil {
		current = current.right
	}
	return current
}

func (t *splayTree) insertNew() uint64 {
	key := uint64(t.random.next() >> 1)
	for t.find(key) != nil {
		key = uint64(t.random.next() >> 1)
	}
	t.insert(key, newPayload(5, strconv.FormatUint(key, 10)))
	return key
}

func (n *splayNode) checksum() (sum uint64) {
	for ; n != nil; n = n.right {
		leftmost := n.value
		for {
			b, isBranch := leftmost.(*branch)
			if !isBranch {
				break
			}
			leftmost = b.left
		}
		sum += n.left.checksum() + n.key + uint64(len(leftmost.(*leaf).string)) + 1
	}
	return sum
}

func splay(nodes, modifications int, steps *steps) uint64 {
	steps.reserve(1, modifications)
	durations := (*steps)[0]
	tree := &splayTree{random: newXorshift(11)}
	for i := 0; i < nodes; i++ {
		tree.insertNew()
	}
	for i := 0; i < modifications; i++ {
		start := time.Now()
		key := tree.insertNew()
		greatest := tree.findGreatestLessThan(key)
		if greatest == nil {
			tree.remove(key)
		} else {
			tree.remove(greatest.key)
		}
		durations = append(durations, since(start))
	}
	(*steps)[0] = durations
	return tree.root.checksum()
}
