package hint

// Rule is what tests see of a rule.
type Rule struct {
	Say         string
	Params, Try []string
}

// Rules are all that is known of replies.
func Rules() []Rule {
	var all []Rule
	for _, r := range replies() {
		all = append(all, Rule{r.say, r.params, r.try})
	}
	return all
}
