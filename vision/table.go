package vision

// PositionTable is what is added to the tokens of an image of h x w pixels, [tokens, D]: the tower's own table, or what
// interpolation makes of it.
func (t *Tower) PositionTable(h, w int) []float32 { return t.positions(nil, h, w).Floats() }
