package plan

import "moslava/internal/device"

// heap follows the garbage collector: it runs when the heap has grown by share over what the last run left.
type heap struct {
	live, garbage int // bytes
	share         float64
	trigger, peak int
}

var _ device.Heap = (*heap)(nil)

func newHeap(live int, share float64) *heap {
	h := &heap{live: live, share: share}
	h.Collect()
	h.peak = live
	return h
}

// Collect takes the garbage away.
func (h *heap) Collect() {
	h.garbage = 0
	h.trigger = h.live + int(float64(h.live)*h.share)
}

// Allocate collects first, if it is time to.
func (h *heap) Allocate(n int) {
	if h.live+h.garbage+n > h.trigger {
		h.Collect()
	}
	h.live += n
	h.peak = max(h.peak, h.live+h.garbage)
}

// Drop leaves memory to the collector.
func (h *heap) Drop(n int) {
	h.live -= n
	h.garbage += n
}
