// Package dsl is the language: it compiles Lua scripts with reply literals,
// finds what cannot be right before anything is sent, and runs their tests over
// package engine. It is the only package that knows Lua.
//
// A Script is immutable and may be run by many workers at once. A machine is a
// Lua state that one worker keeps from test to test; a session is one test's
// run in it. The verbs of the language stand in one registry, from which the
// bindings, the checks before a run and the reference are made.
package dsl
