package recipe

// ownSuite checks what a suite is made of, and the keys that are for questions of one's own. i is the stage that asks it.
func (r *Recipe) ownSuite(d *decoder, i int, s *Suite, key string) {
	made := 0
	for _, of := range []string{"tsv", "data", "held_out"} {
		if d.has(key + "." + of) {
			made++
		}
	}
	switch {
	case made > 1:
		d.at(key, "has several of tsv, data and held_out: expected one of them")
		return
	case s.TSV == "" && s.Data == "" && s.HeldOut == "":
		d.at(key, "expected tsv (a table), data (own questions with answers) or held_out (a training stage's validation share)")
		return
	}
	about := func(why string, keys ...string) {
		for _, name := range keys {
			if d.has(key + "." + name) {
				d.at(key+"."+name, "%s", why)
			}
		}
	}
	switch {
	case s.TSV != "":
		about("is about rows of data: a table's columns are renamed in a definition (.yaml)", "ignore", "image_first", "columns", "prompt", "split", "history")
	case s.HeldOut != "":
		about("leave this key out: the rows are read as stage "+s.HeldOut+" reads them", "ignore", "image_first", "columns", "prompt", "split", "images")
		stage, at := r.Stage(s.HeldOut)
		switch {
		case stage == nil || at >= i || stage.Train == nil:
			var known []string
			for k := range r.Stages[:i] {
				if r.Stages[k].Train != nil {
					known = append(known, r.Stages[k].Name)
				}
			}
			d.at(key+".held_out", "no earlier training stage is called %q; %s", s.HeldOut, nearest(s.HeldOut, known))
		case stage.Train.Validation == 0:
			d.at(key+".held_out", "stage %s holds nothing out: validation, the share of samples held out, is 0", s.HeldOut)
		}
	}
	if s.StopEarly && s.TSV == "" {
		d.at(key+".stop_early", "is for circular suites: own questions have one pass each")
	}
	if d.has(key+".tolerance") && s.Protocol != "number" {
		d.at(key+".tolerance", "is for protocol: number")
	}
}
