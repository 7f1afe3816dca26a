package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"smtplay/engine/lab/labtest"
)

// pipelines are those that docs/ci.md shows, a document each.
type pipelines struct {
	github []workflow
	gitlab map[string]gitlabJob
	pods   kubernetesJob
}

type workflow struct {
	Jobs map[string]struct {
		Strategy struct{ Matrix map[string][]string }
		Needs    string
		Steps    []struct {
			Uses, Run string
			With      map[string]string
		}
	}
}

type gitlabJob struct {
	Parallel  int
	Script    []string
	Artifacts struct {
		When    string
		Paths   []string
		Reports map[string]string
	}
}

type kubernetesJob struct {
	Kind string
	Spec struct {
		Completions          int
		BackoffLimitPerIndex *int `yaml:"backoffLimitPerIndex"`
		Template             struct {
			Spec struct{ Containers []struct{ Args []string } }
		}
	}
}

func shownPipelines(t *testing.T) (p pipelines) {
	t.Helper()
	for _, text := range blocks(guide("ci"), "yaml") {
		var err error
		switch {
		case strings.Contains(text, "runs-on:"):
			var w workflow
			err = yaml.Unmarshal([]byte(text), &w)
			p.github = append(p.github, w)
		case strings.Contains(text, "kind: Job"):
			err = yaml.Unmarshal([]byte(text), &p.pods)
		default:
			err = yaml.Unmarshal([]byte(text), &p.gitlab)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// a pipelineRun is what a pipeline came to.
type pipelineRun struct {
	site     site
	statuses []int  // of the machines
	report   string // what the job after them printed
	status   int    // of that job
	command  string
	dir      string // where it ran
}

// afterwards runs the command of the job after the machines.
func (r *pipelineRun) afterwards(t *testing.T, command string) {
	t.Helper()
	r.command = command
	r.report, r.status = inFolder(t, r.dir, command)
}

// loseAllButOne removes the results of all machines but one.
func (r *pipelineRun) loseAllButOne(t *testing.T) {
	t.Helper()
	var kept []string
	for _, pattern := range []string{"*.json", "parts/*/results.json"} {
		files, err := filepath.Glob(filepath.Join(r.dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, files...)
	}
	if len(kept) != len(r.statuses) {
		t.Fatalf("of %d machines there are %q", len(r.statuses), kept)
	}
	for _, file := range kept[1:] {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}

// suiteFolder is a workspace with the folder tests, of five scripts; one of them
// may be wrong. The folder is as a ConfigMap is mounted: links into a hidden one.
func suiteFolder(t *testing.T, wrong string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		text := "expect 220\n"
		if name == wrong {
			text = "expect 554\n"
		}
		write(t, dir, map[string]string{"tests/..data/" + name + ".lua": text})
		if err := os.Symlink("..data/"+name+".lua", filepath.Join(dir, "tests", name+".lua")); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// github does a workflow's jobs: those that need others after them.
func (r *pipelineRun) github(t *testing.T, w workflow, wrong string) {
	kept := map[string]string{}
	for _, after := range []bool{false, true} {
		for _, jobs := range w.Jobs {
			if (jobs.Needs != "") != after {
				continue
			}
			parts := jobs.Strategy.Matrix["part"]
			if len(parts) == 0 {
				parts = []string{""}
			}
			for _, part := range parts {
				j := job{dir: suiteFolder(t, wrong), values: map[string]string{"matrix.part": part}}
				for _, s := range jobs.Steps {
					with := map[string]string{}
					for name, value := range s.With {
						with[name] = strings.Replace(j.evaluate(t, value), "mail.example.com", r.site.addr["smtp"], 1)
					}
					switch action, _, _ := strings.Cut(s.Uses, "@"); {
					case s.Run != "":
						if !strings.HasPrefix(s.Run, "go run ./cmd/smtplay ") {
							t.Fatalf("%q is run by nobody", s.Run)
						}
						r.dir = j.dir
						r.afterwards(t, strings.Replace(s.Run, "go run ./cmd/smtplay", "smtplay", 1))
					case action == "OWNER/smtplay/.github/actions/smtplay":
						use := job{dir: j.dir, inputs: with}
						use.do(t)
						r.statuses = append(r.statuses, use.status)
						upload := use.used["actions/upload-artifact@v4"]
						if kept[upload["name"]] != "" {
							t.Errorf("two artifacts have the name %q", upload["name"])
						}
						kept[upload["name"]] = upload["path"]
					case action == "actions/download-artifact":
						for name, folder := range kept {
							if ok, _ := path.Match(with["pattern"], name); ok {
								if err := os.CopyFS(filepath.Join(j.dir, with["path"], name), os.DirFS(folder)); err != nil {
									t.Fatal(err)
								}
							}
						}
					case action != "actions/checkout" && action != "actions/upload-artifact":
						t.Fatalf("%s means nothing", s.Uses)
					}
				}
			}
		}
	}
}

// gitlab does the parallel job, and then the report of what its machines kept.
func (r *pipelineRun) gitlab(t *testing.T, jobs map[string]gitlabJob, wrong string) {
	r.dir = t.TempDir()
	machines, report := jobs["smtplay"], jobs["report"]
	for i := range machines.Parallel {
		dir := suiteFolder(t, wrong)
		out, status := inFolder(t, dir, fmt.Sprintf("export CI_NODE_INDEX=%d CI_NODE_TOTAL=%d; ", i+1, machines.Parallel)+
			strings.Replace(strings.Join(machines.Script, " && "), "mail.example.com", r.site.addr["smtp"], 1))
		r.statuses = append(r.statuses, status)
		for _, pattern := range append(machines.Artifacts.Paths, machines.Artifacts.Reports["junit"]) {
			files, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil || len(files) != 1 || machines.Artifacts.When != "always" {
				t.Fatalf("%s keeps %v, %s: %v\n%s", pattern, files, machines.Artifacts.When, err, out)
			}
			text, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			write(t, r.dir, map[string]string{filepath.Base(files[0]): string(text)})
		}
	}
	r.afterwards(t, strings.Join(report.Script, " && "))
}

// kubernetes runs the pods, and then the command below them.
func (r *pipelineRun) kubernetes(t *testing.T, k kubernetesJob, wrong string) {
	r.dir = t.TempDir()
	dir := suiteFolder(t, wrong)
	for i := range k.Spec.Completions {
		index := strconv.Itoa(i)
		var args []string
		for _, arg := range k.Spec.Template.Spec.Containers[0].Args {
			args = append(args, strings.NewReplacer("$(JOB_COMPLETION_INDEX)", index, "/results/", r.dir+"/", "/suite", filepath.Join(dir, "tests"),
				"mail.example.com", r.site.addr["smtp"]).Replace(arg))
		}
		e := child{dir: dir, env: []string{"JOB_COMPLETION_INDEX=" + index}}.run(t, args...)
		r.statuses = append(r.statuses, e.status)
	}
	consoles := blocks(guide("ci"), "console")
	command := strings.TrimPrefix(strings.TrimSpace(consoles[len(consoles)-1]), "$ ")
	r.afterwards(t, strings.ReplaceAll(command, "/results/", "./"))
}

// htmlTag is what stands around words, of which the wrong one is marked.
var htmlTag = regexp.MustCompile(`<[^>]*>`)

// The pipelines of the guide, run on the embedded server: all parts together are
// the whole suite, and what is wrong fails where it is, and in the report.
func TestPipelines(t *testing.T) {
	labtest.Program(t, "bash")
	shown := shownPipelines(t)
	if tries := shown.pods.Spec.BackoffLimitPerIndex; len(shown.github) != 2 || tries == nil || *tries != 0 {
		t.Fatalf("%+v", shown)
	}
	for _, p := range []struct {
		name     string
		machines int
		run      func(*pipelineRun, *testing.T, string)
	}{
		{"GitHub", 1, func(r *pipelineRun, t *testing.T, wrong string) { r.github(t, shown.github[0], wrong) }},
		{"GitHub, a matrix", 3, func(r *pipelineRun, t *testing.T, wrong string) { r.github(t, shown.github[1], wrong) }},
		{"GitLab", 3, func(r *pipelineRun, t *testing.T, wrong string) { r.gitlab(t, shown.gitlab, wrong) }},
		{"Kubernetes", 3, func(r *pipelineRun, t *testing.T, wrong string) { r.kubernetes(t, shown.pods, wrong) }},
	} {
		for wrong, want := range map[string]string{"": "5 passed, 0 failed, 0 skipped, 0 errors", "d": "4 passed, 1 failed, 0 skipped, 0 errors"} {
			t.Run(p.name+" "+wrong, func(t *testing.T) {
				t.Parallel()
				r := &pipelineRun{site: demoSite(t)}
				p.run(r, t, wrong)
				failed := len(wrong) // machines, and the report
				slices.Sort(r.statuses)
				if len(r.statuses) != p.machines || r.statuses[p.machines-1] != failed || p.machines > 1 && r.statuses[p.machines-2] != 0 {
					t.Errorf("the machines' exit statuses are %v", r.statuses)
				}
				if p.machines == 1 {
					return
				}
				if r.status != failed || !strings.Contains(r.report, "\n"+want) {
					t.Errorf("exit status %d, want %d and %q\n%s", r.status, failed, want, r.report)
				}
				if page, err := os.ReadFile(filepath.Join(r.dir, "report.html")); err != nil || strings.Contains(htmlTag.ReplaceAllString(string(page), ""), "expect 554") != (wrong != "") {
					t.Errorf("%d bytes of HTML: %v", len(page), err)
				}
				r.loseAllButOne(t)
				if r.afterwards(t, r.command); r.status != exitUsage || !strings.Contains(r.report, "2 files cannot be read") {
					t.Errorf("exit status %d with the results of one machine alone\n%s", r.status, r.report)
				}
			})
		}
	}
}

// What else the guide says of commands and files is so.
func TestCIGuideWords(t *testing.T) {
	page := guide("ci")
	for _, m := range codeSpan.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		if strings.HasPrefix(m[1], "smtplay ") {
			wantFlags(t, m[1])
		}
	}
	for line := range strings.Lines(blocks(page, "console")[0]) {
		if _, args, ok := strings.Cut(line, " smtplay run "); ok {
			wantFlags(t, "smtplay run "+args)
		}
	}
	a, _ := readAction(t)
	for name := range a.Inputs {
		if !strings.Contains(page, "| `"+name+"` |") && name != "go-version" {
			t.Errorf("the input %s is not in the guide", name)
		}
	}
	if !strings.Contains(page, "without more `"+a.Inputs["reports"].Default+"`") || !strings.Contains(page, "without more `"+a.Inputs["artifact"].Default+"`") {
		t.Error("the guide has other defaults than the action")
	}
	image, err := os.ReadFile("Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(blocks(page, "dockerfile")[0]) {
		if words := strings.Fields(line); words[0] == "COPY" && !strings.Contains(string(image), " "+words[2]+"\n") {
			t.Errorf("the image holds no %s", words[2])
		}
	}
}
