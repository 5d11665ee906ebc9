// Package dataconvert writes stored samples in other forms, in shards: Arrow as save_to_disk has it, Parquet as the Hub has it, JSON lines, LLaVA's JSON and
// WebDataset. The directory is there whole or not at all. A conversion that was interrupted or killed keeps its finished shards beside it, and the next one
// with the same data and options goes on there.
package dataconvert
