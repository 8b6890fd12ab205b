// Package noinit has an init function, and a method of that name.
package noinit

func init() {} // want `init function`

type T struct{}

func (T) init() {}
