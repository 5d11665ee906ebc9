package engine

import (
	"context"
	"crypto/sha256"
	"slices"

	"moslava/language"
	"moslava/language/chat"
)

// Request is a conversation that the model is to continue.
type Request struct {
	Messages []chat.Message
	Pictures [][]byte // encoded, in the order of their markers
	// Raw, in place of messages, is all that the model reads: no chat template, no picture.
	Raw string
	language.Generation
	// First are ids whose log-probability of being the answer's first is wanted. Then nothing is generated.
	First []int32
}

// Reply is what became of a request.
type Reply struct {
	IDs   []int32   // the new ids; with an id that ends the answer, if it has ended
	First []float64 // natural log-probabilities of Request.First
	Err   error
}

// Ticket is a request in an engine.
type Ticket struct {
	request  Request
	ctx      context.Context
	sequence *sequence // nil: it waits, or has ended
	read     *prompt   // of a request that waits and whose prompt has been read
	reply    Reply
	done     chan struct{}
}

// Done is closed when the request has ended.
func (t *Ticket) Done() <-chan struct{} { return t.done }

// Reply waits for the request to end. Somebody has to call Step meanwhile.
func (t *Ticket) Reply() Reply {
	<-t.done
	return t.reply
}

// byPictures numbers the requests so that those about the same pictures follow each other, in the order in which pictures
// come: tables have a question's rows far apart, and the cache keeps what came last.
func byPictures(requests []Request) []int {
	number := map[string]int{}
	var groups [][]int
	for i, r := range requests {
		var digests []byte
		for _, p := range r.Pictures {
			d := sha256.Sum256(p)
			digests = append(digests, d[:]...)
		}
		g, ok := number[string(digests)]
		if !ok {
			g = len(groups)
			number[string(digests)] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], i)
	}
	return slices.Concat(groups...)
}
