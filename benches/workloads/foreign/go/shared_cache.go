package main

import (
	"sync"
	"time"
)

type cached struct{ key, version, third, fourth, fifth, last uint64 }

func newCached(key, version uint64) *cached {
	return &cached{key, version, key, key, key, key}
}

const shards = 64

// A map that goroutines share: sync.Map is for keys that are written once, and takes longer here.
type cache [shards]struct {
	sync.RWMutex
	values map[uint64]*cached
}

func newCache() *cache {
	c := &cache{}
	for i := range c {
		c[i].values = make(map[uint64]*cached)
	}
	return c
}

func (c *cache) get(key uint64) *cached {
	shard := &c[key%shards]
	shard.RLock()
	defer shard.RUnlock()
	return shard.values[key]
}

func (c *cache) put(key uint64, value *cached) {
	shard := &c[key%shards]
	shard.Lock()
	defer shard.Unlock()
	shard.values[key] = value
}

func (c *cache) len() (entries int) {
	for i := range c {
		entries += len(c[i].values)
	}
	return entries
}

func (c *cache) use(thread, entries, operations int, durations []uint32) (uint64, []uint32) {
	random := newXorshift(uint32(7 + thread))
	sum := uint64(0)
	for operation := 0; operation < operations; operation++ {
		start := time.Now()
		get := random.below(100) < 80
		key := uint64(random.below(entries))
		if get {
			value := c.get(key)
			sum += value.key + value.last
		} else {
			c.put(key, newCached(key, uint64(operation)))
		}
		durations = append(durations, since(start))
	}
	return sum, durations
}

func sharedCache(entries, threads, operations int, steps *steps) uint64 {
	steps.reserve(threads, operations)
	c := newCache()
	for key := uint64(0); key < uint64(entries); key++ {
		c.put(key, newCached(key, 0))
	}
	sums := make([]uint64, threads)
	var users sync.WaitGroup
	for thread := 0; thread < threads; thread++ {
		users.Add(1)
		go func(thread int) {
			defer users.Done()
			sums[thread], (*steps)[thread] = c.use(thread, entries, operations, (*steps)[thread])
		}(thread)
	}
	users.Wait()
	total := uint64(c.len())
	for _, sum := range sums {
		total += sum
	}
	return total
}
