// The program of benches/src/shift.rs in Go: shift VARIANT [free]. With free, memory goes back to the system at the end of each phase.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime/debug"
	"sort"
	"strings"
	"time"
)

const (
	phases  = 24
	volume  = 256 << 20
	live    = 64 << 20
	batch   = 512
	chains  = 512
	samples = 8
)

var (
	recordSizes = []int{24, 40, 72, 104, 136, 168, 210, 168, 136, 104, 72, 40}
	valueSizes  = []int{96, 136, 192, 272, 384, 544, 768, 544, 384, 272, 192, 136}
)

type records struct {
	random uint32
	size   int
	buffer [1024]byte
}

func (r *records) begin(phase, size int) {
	r.size = size
	for i := range r.buffer {
		r.buffer[i] = byte(phase)
	}
}

func (r *records) draw() uint32 {
	r.random ^= r.random << 13
	r.random ^= r.random >> 17
	r.random ^= r.random << 5
	return r.random
}

func (r *records) below(end int) int { return int(uint64(r.draw()) * uint64(end) >> 32) }

func (r *records) copyOf(size int) []byte {
	record := make([]byte, size)
	copy(record, r.buffer[:size])
	return record
}

func (r *records) next() uint32 {
	key := r.draw()
	binary.LittleEndian.PutUint32(r.buffer[:], key)
	return key
}

func key(record []byte) uint32 { return binary.LittleEndian.Uint32(record) }

func checksum(sum uint32, record []byte) uint32 {
	return sum*31 + key(record) + uint32(len(record)) + uint32(record[len(record)-1])
}

type sample struct {
	phase, size, allocated, live, resident, end int
}

type record struct {
	samples []sample
	steps   []uint32
	asked   []time.Duration
	rested  time.Duration
}

func (l *record) step(start time.Time) { l.steps = append(l.steps, uint32(time.Since(start))) }

func (l *record) sample(phase, size, allocated, live, end int) {
	text, _ := os.ReadFile("/proc/self/statm")
	var total, resident int
	fmt.Sscan(string(text), &total, &resident)
	l.samples = append(l.samples, sample{phase, size, allocated, live, resident * 4096, end})
}

func (l *record) between(free bool) {
	start := time.Now()
	if free {
		debug.FreeOSMemory()
	}
	l.asked = append(l.asked, time.Since(start))
	start = time.Now()
	time.Sleep(50 * time.Millisecond)
	l.rested += time.Since(start)
}

type node struct {
	record []byte
	next   *node
}

func window(l *record, r *records, runs, free bool) uint32 {
	var window [live / 24 / batch][][]byte
	var tables [2][]*node
	tables[1] = make([]*node, chains)
	var kept [2]int
	var sum uint32
	left := 0
	for phase := 0; phase < phases; phase++ {
		size, table := recordSizes[phase%len(recordSizes)], phase%2
		batches, places := volume/(size*batch), live/(size*batch)
		r.begin(phase, size)
		kept[table] = 0
		start := time.Now()
		tables[table] = make([]*node, chains)
		l.step(start)
		for b := 0; b < batches+places; b++ {
			place := b % places
			start := time.Now()
			if b >= places {
				old := window[place]
				window[place] = nil
				for _, record := range old {
					left++
					if runs && left%250000 < 500 || !runs && key(record)%500 == 0 {
						chain := &tables[table][key(record)/500%chains]
						*chain = &node{record, *chain}
						kept[table] += size
					}
				}
			}
			if b < batches {
				new := make([][]byte, batch)
				for i := range new {
					r.next()
					new[i] = r.copyOf(size)
				}
				window[place] = new
			}
			l.step(start)
			if b < batches && (b+1)%(batches/samples) == 0 {
				within := b + 1
				if within > places {
					within = places
				}
				l.sample(phase, size, phase*volume+(b+1)*batch*size, within*batch*size+kept[0]+kept[1], 0)
			}
		}
		for _, t := range []int{table, 1 - table} {
			for _, chain := range tables[t] {
				for ; chain != nil; chain = chain.next {
					sum = checksum(sum, chain.record)
				}
			}
		}
		l.between(free)
		l.sample(phase, size, (phase+1)*volume, kept[0]+kept[1], 1)
	}
	return sum
}

func cache(l *record, r *records, free bool) uint32 {
	values := make([][]byte, 0, live/96)
	held := 0
	var sum uint32
	for phase := 0; phase < phases; phase++ {
		size := valueSizes[phase%len(valueSizes)]
		r.begin(phase, size)
		allocated, taken := 0, 0
		for allocated < volume {
			start := time.Now()
			for i := 0; i < batch; i++ {
				if len(values) > 0 {
					sum = sum*31 + key(values[r.below(len(values))])
				}
				new := size + int(r.next())%(size/4)
				allocated += new
				held += new
				for held > live {
					entry, last := r.below(len(values)), len(values)-1
					held -= len(values[entry])
					values[entry] = values[last]
					values[last] = nil
					values = values[:last]
				}
				values = append(values, r.copyOf(new))
			}
			l.step(start)
			if allocated*samples/volume > taken {
				taken++
				l.sample(phase, size, phase*volume+allocated, held, 0)
			}
		}
		for _, value := range values {
			sum = checksum(sum, value)
		}
		l.between(free)
		l.sample(phase, size, (phase+1)*volume, held, 1)
	}
	return sum
}

func peak() int {
	text, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	var kibibytes int
	fmt.Sscan(rest, &kibibytes)
	return kibibytes << 10
}

func main() {
	free := len(os.Args) > 2 && os.Args[2] == "free"
	begun := time.Now()
	l := &record{samples: make([]sample, 0, 1000), steps: make([]uint32, 0, 500000)}
	r := &records{random: 2463534242}
	var sum uint32
	switch os.Args[1] {
	case "random":
		sum = window(l, r, false, free)
	case "runs":
		sum = window(l, r, true, free)
	case "cache":
		sum = cache(l, r, free)
	}
	seconds := (time.Since(begun) - l.rested).Seconds()
	for _, s := range l.samples {
		fmt.Printf("sample,%d,%d,%d,%d,%d,%d\n", s.phase, s.size, s.allocated, s.live, s.resident, s.end)
	}
	sort.Slice(l.steps, func(a, b int) bool { return l.steps[a] < l.steps[b] })
	at := func(part float64) uint32 { return l.steps[int(float64(len(l.steps)-1)*part)] }
	var longest, asked time.Duration
	for _, time := range l.asked {
		asked += time
		if time > longest {
			longest = time
		}
	}
	fmt.Printf("figures,%d,%f,%d,%d,%d,%d,%d,%d,%d\n", sum, seconds, at(0.5), at(0.99), at(0.999), at(1), longest.Nanoseconds(), asked.Nanoseconds(), peak())
}
