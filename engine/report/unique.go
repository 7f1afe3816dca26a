package report

import "strconv"

// names are those that were given, each with the number that a further one of
// its kind would follow.
type names map[[2]string]int

// unique is a name that nobody else of the group has, numbered where it must be.
func (n names) unique(group, name string) string {
	last, taken := n[[2]string{group, name}]
	if !taken {
		n[[2]string{group, name}] = 1
		return name
	}
	free := name
	for taken {
		last++
		free = name + " (" + strconv.Itoa(last) + ")"
		_, taken = n[[2]string{group, free}]
	}
	n[[2]string{group, name}], n[[2]string{group, free}] = last, 1
	return free
}
