package arrowipc_test

import (
	"fmt"

	"moslava/datasets/arrowipc"
)

// A row is found by its number and read in place, without reading those before it.
func Example() {
	stream, err := arrowipc.Open("../testdata/forms/plain.arrow")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stream.Close()
	fmt.Println(stream.Rows(), "rows in", stream.Batches(), "batches")
	for _, field := range stream.Schema().Fields() {
		fmt.Println(field.Name, field.Type)
	}
	batch, row := stream.Locate(2)
	columns, err := stream.Batch(batch)
	if err != nil {
		fmt.Println(err)
		return
	}
	id, err := columns[0].Bytes(int64(row))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("row 2 has id %q\n", id)
	// Output:
	// 3 rows in 2 batches
	// id utf8
	// image struct<bytes: binary, path: utf8>
	// conversations list<item: struct<from: utf8, value: utf8>, nullable>
	// row 2 has id "3"
}
