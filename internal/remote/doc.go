// Package remote reads objects of s3://, gs:// and http(s):// addresses piece by piece: a File is an io.ReaderAt whose blocks come over
// the network once and then from a bounded cache on the local disk. Lost connections are tried again; an object that changes while it is
// read is an error. Secrets come from the environment alone, and an address that holds one is refused, because addresses are written
// into the records of a run.
package remote
