// Package suite runs many scripts: it plans their tests, gives each worker one
// test at a time, bounds it in time, keeps its transcript, and hands on the
// results in order. It knows no script language and no report format.
package suite
