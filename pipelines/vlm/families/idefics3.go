package families

// Idefics3 is Idefics3 as transformers 5.23 has it, which computes what SmolVLM does.
var Idefics3 = shuffled("Idefics3", "idefics3")
