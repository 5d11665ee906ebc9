package language

// InvFreq is the rotary angle per position of each pair of a head, [HeadDim/2].
func (d *Decoder) InvFreq() []float32 { return d.Config.invFreq() }
