// Package features keeps arrays of numbers by key, in memory up to a bound and then in files up to another: what a frozen
// vision tower makes of pictures, from one epoch to the next. What is kept stays until the store is removed; what finds no
// room is not kept. Files are whole or not there, and one that was damaged is not believed.
package features
