// Package scenes draws small pictures of plain objects and writes the texts that go with them, so that a tower, a decoder and an
// adapter can be trained and tested from nothing but a seed.
//
// A [Scene] is a 66 x 66 picture: one of eight backgrounds with one to four objects on a 3 x 3 grid. An object has a [Shape] (eight
// figures and the digits 0-9), a [Colour], a [Size] and a cell. From a scene come a caption, a conversation of short open answers
// for pre-training, and multiple-choice questions in MMBench's six l2-categories. For pre-training there are texts without pictures as
// well, in which words are to be repeated ([Recite]) and things to be looked up ([Lookup]), and conversations that join the two: a
// text says what people have, and who has what the picture shows is asked ([Whose]).
//
// Some pairs of shape and colour, and some sets of occupied cells, belong to one evaluation split alone ([PairSplit],
// [LayoutSplit]): a train scene never shows them and a train text never names them, while every validation and every test scene
// has at least one. Each shape, colour, size and cell by itself is common in training.
//
// Questions are fair to a reader without the picture: options are of one class of words, a value that the question names is never
// offered, a pair that the split can never show is never offered, and the drawing is symmetric in the values of every attribute,
// so that each of the four options is equally likely to be right.
//
// Everything is a function of its arguments: the same seed gives the same pixels and words on every machine.
package scenes
