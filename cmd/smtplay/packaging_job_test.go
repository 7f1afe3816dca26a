package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// action is .github/actions/smtplay, as its file says it.
type action struct {
	Inputs map[string]struct {
		Description string
		Default     string
	}
	Outputs map[string]struct{ Description, Value string }
	Runs    struct {
		Using string
		Steps []actionStep
	}
}

type actionStep struct {
	Name, ID, If     string
	Shell, Run, Uses string
	Env, With        map[string]string
}

// readAction reads the action's file.
func readAction(t *testing.T) (a action, text string) {
	t.Helper()
	file, err := os.ReadFile("../../.github/actions/smtplay/action.yml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(file, &a); err != nil {
		t.Fatal(err)
	}
	return a, string(file)
}

// job is one use of the action, in the place of GitHub's runner.
type job struct {
	dir    string            // the workspace
	inputs map[string]string // those that the workflow gives
	path   string            // PATH; "" is that of the tests, where smtplay is

	values  map[string]string // of the expressions that mean something
	added   []string          // to PATH
	failed  bool
	status  int                     // of the last step that ran
	said    string                  // what the steps printed
	skipped []string                // names of steps
	used    map[string]actionInputs // of the actions that steps use, which are not run
	outputs map[string]string       // of the action
}

type actionInputs map[string]string

// do does the action's steps in their order.
func (j *job) do(t *testing.T) {
	t.Helper()
	a, _ := readAction(t)
	source, err := filepath.Abs("../../.github/actions/smtplay")
	if err != nil {
		t.Fatal(err)
	}
	j.used, j.outputs = map[string]actionInputs{}, map[string]string{}
	j.values = map[string]string{"github.action_path": source}
	for name, input := range a.Inputs {
		j.values["inputs."+name] = input.Default
	}
	for name, value := range j.inputs {
		if _, ok := a.Inputs[name]; !ok {
			t.Fatalf("the action has no input %q", name)
		}
		j.values["inputs."+name] = value
	}
	for _, s := range a.Runs.Steps {
		if s.ID != "" { // before a step ran, what it puts out is empty
			for _, m := range regexp.MustCompile(`echo "(\w+)=`).FindAllStringSubmatch(s.Run, -1) {
				j.values["steps."+s.ID+".outputs."+m[1]] = ""
			}
		}
	}
	temp := t.TempDir()
	for _, s := range a.Runs.Steps {
		switch {
		case !j.wanted(t, s.If):
			j.skipped = append(j.skipped, s.Name)
		case s.Run != "":
			j.bash(t, s, temp)
		default:
			with := actionInputs{}
			for name, value := range s.With {
				with[name] = j.evaluate(t, value)
			}
			j.used[s.Uses] = with
		}
	}
	for name, output := range a.Outputs {
		j.outputs[name] = j.evaluate(t, output.Value)
	}
}

// bash runs a step's script as GitHub does: bash --noprofile --norc -eo pipefail.
func (j *job) bash(t *testing.T, s actionStep, temp string) {
	t.Helper()
	files := t.TempDir()
	script, output, path := filepath.Join(files, "script.sh"), filepath.Join(files, "output"), filepath.Join(files, "path")
	write(t, files, map[string]string{"script.sh": s.Run, "output": "", "path": ""})
	cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", script)
	cmd.Dir = j.dir
	search := j.path
	if search == "" {
		search = os.Getenv("PATH")
	}
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "SMTPLAY_") }),
		"PATH="+strings.Join(append(slices.Clone(j.added), search), string(os.PathListSeparator)),
		"RUNNER_TEMP="+temp, "GITHUB_OUTPUT="+output, "GITHUB_PATH="+path, "GITHUB_ACTIONS=true", "GORACE=atexit_sleep_ms=1")
	for name, value := range s.Env {
		cmd.Env = append(cmd.Env, name+"="+j.evaluate(t, value))
	}
	out, err := cmd.CombinedOutput()
	j.said += string(out)
	j.status = cmd.ProcessState.ExitCode()
	j.failed = j.failed || err != nil
	for _, line := range lines(t, output) {
		name, value, ok := strings.Cut(line, "=")
		if !ok || s.ID == "" {
			t.Errorf("%s puts out %q", s.Name, line)
		}
		j.values["steps."+s.ID+".outputs."+name] = value
	}
	j.added = append(lines(t, path), j.added...)
}

// lines are those of a file.
func lines(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
}

// inBraces is what stands in ${{ }}.
var inBraces = regexp.MustCompile(`\$\{\{ *(.*?) *\}\}`)

// evaluate replaces the expressions of a text.
func (j *job) evaluate(t *testing.T, text string) string {
	t.Helper()
	return inBraces.ReplaceAllStringFunc(text, func(e string) string {
		return j.value(t, inBraces.FindStringSubmatch(e)[1])
	})
}

// value is that of a name; one that is not known here fails the test.
func (j *job) value(t *testing.T, name string) string {
	t.Helper()
	v, ok := j.values[name]
	if !ok {
		t.Fatalf("the expression %q means nothing: there are %v", name, slices.Sorted(maps.Keys(j.values)))
	}
	return v
}

var comparison = regexp.MustCompile(`^(\S+) (==|!=) '([^']*)'$`)

// wanted judges the condition of a step. Without always() a step is wanted only
// while nothing failed.
func (j *job) wanted(t *testing.T, condition string) bool {
	t.Helper()
	want, always := true, false
	for term := range strings.SplitSeq(condition, " && ") {
		switch m := comparison.FindStringSubmatch(term); {
		case term == "":
		case term == "always()":
			always = true
		case m == nil:
			t.Fatalf("the condition %q means nothing", term)
		default:
			want = want && (j.value(t, m[1]) == m[3]) == (m[2] == "==")
		}
	}
	return want && (always || !j.failed)
}

// entries are the names in a folder.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}
