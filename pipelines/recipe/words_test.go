package recipe

// words is the program's vocabulary, which only a test from outside can import (vocabulary_test.go).
var words *Vocabulary

// SetWords gives it to the tests.
func SetWords(v *Vocabulary) { words = v }
